//! Cosignatures of witnesses, who state that they have seen a log only grow (C2SP `tlog-cosignature`, type 04).

use crate::checkpoint::Signature;

/// An Ed25519 signature of a time and the text of a tree head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// The time in seconds since 1970.
    pub signed_at: u64,
    /// The signature of [`Cosignature::message`].
    pub signature: Signature,
}

impl Cosignature {
    /// Parses the bytes in the line of the signature: the time in 8 bytes, then the signature.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, signature) = bytes.split_first_chunk()?;
        let signed_at = u64::from_be_bytes(*time);
        let signature = Signature(signature.try_into().ok()?);
        i64::try_from(signed_at).is_ok().then_some(Self { signed_at, signature })
    }

    /// Returns the bytes in the line of the signature.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.signed_at.to_be_bytes().as_slice(), &self.signature.0].concat()
    }

    /// Returns the signed message for a note with this text.
    #[must_use]
    pub fn message(&self, text: &str) -> String {
        cosigned_message(self.signed_at, text)
    }
}

/// Returns the message that a witness signs at this time, in seconds since 1970, for a note with this text.
#[must_use]
pub fn cosigned_message(signed_at: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {signed_at}\n{text}")
}
