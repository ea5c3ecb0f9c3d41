//! The keys that sign notes: their names, their identifiers and the text in which verifiers are given them
//! (C2SP `signed-note`).

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::OrganizationId;

use crate::{checkpoint::Signature, hash::Hash, hex};

/// The name of a key that signs notes, and the origin of a log: 1 to 255 bytes without white space and `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// The text is not the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name of a key must have 1 to {} bytes and contain no white space, no control characters and no `+`",
    KeyName::MAX_LENGTH
)]
pub struct MalformedKeyName;

impl KeyName {
    /// The maximum length in bytes, which is that of the names in cosignatures.
    pub const MAX_LENGTH: usize = 255;

    /// Parses a name.
    ///
    /// # Errors
    /// [`MalformedKeyName`].
    pub fn parse(text: &str) -> Result<Self, MalformedKeyName> {
        let is_allowed = |letter: char| letter >= ' ' && letter != '+' && !letter.is_whitespace();
        let is_valid = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.chars().all(is_allowed);
        if is_valid { Ok(Self(text.to_owned())) } else { Err(MalformedKeyName) }
    }

    /// Returns the origin of an organization's log in an installation with this name.
    ///
    /// # Errors
    /// [`MalformedKeyName`] if it would be too long.
    pub fn of_log(installation: &str, organization: OrganizationId) -> Result<Self, MalformedKeyName> {
        Self::parse(&format!("{installation}/{organization}"))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = MalformedKeyName;

    fn from_str(text: &str) -> Result<Self, MalformedKeyName> {
        Self::parse(text)
    }
}

/// The identifier of a key among those of the same name, written as 8 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of signatures that are supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureKind {
    /// An Ed25519 signature of the text, as logs make it.
    Log,
    /// An Ed25519 signature of the time and the text, as witnesses make it (C2SP `tlog-cosignature`).
    Cosignature,
}

impl SignatureKind {
    const fn number(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Cosignature => 4,
        }
    }
}

/// A public key with its name. Its text form is the `vkey` of `signed-note`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    /// The name.
    pub name: KeyName,
    /// The kind of its signatures.
    pub kind: SignatureKind,
    /// The Ed25519 public key (RFC 8032).
    pub public_key: [u8; 32],
}

/// The reason that a text is not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedVerifierKey {
    /// It has another form.
    #[error("a verifier key must have the form NAME+ID+KEY with 8 hexadecimal digits and base64")]
    Form,
    /// The kind of its signatures is not supported.
    #[error("the verifier key is for signatures of type {0:#04x}; only 0x01 and 0x04 (Ed25519) are supported")]
    Kind(u8),
    /// The identifier is not the one of the name and the key.
    #[error("the identifier in the verifier key does not belong to its name and key")]
    Id,
}

impl VerifierKey {
    /// Creates the key of the log with this origin.
    #[must_use]
    pub fn of_log(origin: KeyName, public_key: [u8; 32]) -> Self {
        Self { name: origin, kind: SignatureKind::Log, public_key }
    }

    /// Returns the identifier: the first bytes of the SHA-256 of the name, a line feed, the kind and the public key.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let parts: [&[u8]; 4] = [self.name.0.as_bytes(), b"\n", &[self.kind.number()], &self.public_key];
        let [a, b, c, d, ..] = Hash::digest(&parts.concat()).0;
        KeyId([a, b, c, d])
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.number()], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), BASE64.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = MalformedVerifierKey;

    fn from_str(text: &str) -> Result<Self, MalformedVerifierKey> {
        let form = MalformedVerifierKey::Form;
        // Base64 may contain `+`, the other parts can't.
        let (name, rest) = text.split_once('+').ok_or(form)?;
        let (id, key) = rest.split_once('+').ok_or(form)?;
        let name = KeyName::parse(name).map_err(|_| form)?;
        let id = KeyId(hex::parse(id).ok_or(form)?);
        let key = BASE64.decode(key).map_err(|_| form)?;
        let (kind, public_key) = key.split_first().ok_or(form)?;
        let kind = match kind {
            1 => SignatureKind::Log,
            4 => SignatureKind::Cosignature,
            other => return Err(MalformedVerifierKey::Kind(*other)),
        };
        let key = Self { name, kind, public_key: public_key.try_into().map_err(|_| form)? };
        if key.id() == id { Ok(key) } else { Err(MalformedVerifierKey::Id) }
    }
}

/// Signs notes with the key that serves all logs of an installation.
///
/// The key signs nothing else: `signed-note` forbids one key for several kinds of signatures.
pub trait NoteSigner: Send + Sync {
    /// The Ed25519 public key. With the name of a log it is that log's [`VerifierKey`].
    fn public_key(&self) -> [u8; 32];

    /// Returns the Ed25519 signature of the text.
    fn sign(&self, text: &[u8]) -> Signature;
}

/// Verifies Ed25519 signatures.
pub trait NoteVerifier: Send + Sync {
    /// Returns whether the signature of the message is valid for this public key.
    fn verify(&self, public_key: &[u8; 32], message: &[u8], signature: &Signature) -> bool;
}
