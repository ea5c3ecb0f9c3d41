//! The authentication of rows of the log that no signature covers yet.

/// The key of the installation with which rows are authenticated, derived from its master key. Whoever has the database
/// but not the key can't write a row that is accepted.
pub trait RowKey: Send + Sync {
    /// Returns the HMAC-SHA256 of the message.
    fn tag(&self, message: &[u8]) -> [u8; 32];

    /// Returns whether this is the tag of the message, in constant time.
    fn verify(&self, message: &[u8], tag: &[u8]) -> bool;
}
