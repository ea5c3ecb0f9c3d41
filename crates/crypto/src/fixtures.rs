//! Deterministic keys for tests.

use kernel::{Entropy, Timestamp};
use ulid::Ulid;

use crate::master_key::MasterKey;

/// Deterministic entropy, in which every byte is the same.
pub(crate) struct Same(pub(crate) u8);

impl Entropy for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(self.0))
    }
}

pub(crate) fn master(byte: u8) -> MasterKey {
    MasterKey::generate(&Same(byte))
}
