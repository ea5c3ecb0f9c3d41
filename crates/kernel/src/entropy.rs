//! The port of randomness and of new identifiers.

use ulid::Ulid;

use crate::timestamp::Timestamp;

/// The only source of randomness and of new identifiers.
pub trait Entropy: Send + Sync {
    /// Fills the buffer with cryptographically secure random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// Returns a new ULID with this timestamp; those of one millisecond are ascending.
    fn ulid(&self, at: Timestamp) -> Ulid;
}
