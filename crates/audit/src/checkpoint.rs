//! Checkpoints: signed heads of chains. If the end of a chain is removed or rewritten later, a checkpoint that was
//! stored elsewhere proves it.

use std::{fmt, str::FromStr};

use kernel::{OrganizationId, Timestamp};

use crate::{hash::Hash, hex};

/// An Ed25519 signature, written as 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The text is not 128 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 signature in lower-case hexadecimal")]
pub struct MalformedSignature;

/// The head of a chain at a point in time, signed with a key that is not in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The organization of the chain.
    pub organization: OrganizationId,
    /// The sequence of the last entry.
    pub sequence: i64,
    /// The hash of the last entry.
    pub hash: Hash,
    /// The time of the signature.
    pub signed_at: Timestamp,
    /// The signature of [`Checkpoint::message`].
    pub signature: Signature,
}

impl Checkpoint {
    /// Returns the signed message: the RFC 8785 JSON of the checkpoint without its signature.
    #[must_use]
    pub fn message(&self) -> String {
        message(self.organization, self.sequence, self.hash, self.signed_at)
    }

    /// Signs the head of a chain.
    #[must_use]
    pub fn sign(
        signer: &dyn CheckpointSigner,
        organization: OrganizationId,
        sequence: i64,
        hash: Hash,
        signed_at: Timestamp,
    ) -> Self {
        let signature = signer.sign(message(organization, sequence, hash, signed_at).as_bytes());
        Self { organization, sequence, hash, signed_at, signature }
    }
}

fn message(organization: OrganizationId, sequence: i64, hash: Hash, signed_at: Timestamp) -> String {
    format!(r#"{{"hash":"{hash}","organizationId":"{organization}","sequence":{sequence},"signedAt":"{signed_at}"}}"#)
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Signature {
    type Err = MalformedSignature;

    fn from_str(text: &str) -> Result<Self, MalformedSignature> {
        hex::parse(text).map(Self).ok_or(MalformedSignature)
    }
}

/// Signs checkpoints.
pub trait CheckpointSigner: Send + Sync {
    /// Returns the signature of the message. It is always the same one.
    fn sign(&self, message: &[u8]) -> Signature;
}

/// Verifies checkpoints.
pub trait CheckpointVerifier: Send + Sync {
    /// Returns whether the signature is valid for this message.
    fn verify(&self, message: &[u8], signature: &Signature) -> bool;
}
