//! Deterministic keys for tests.

use kernel::{Entropy, Timestamp};
use ulid::Ulid;

use crate::master_key::MasterKey;

/// Deterministic entropy, in which every byte is the same.
pub(crate) struct ConstantEntropy(pub(crate) u8);

impl Entropy for ConstantEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(self.0))
    }
}

pub(crate) fn master_key(byte: u8) -> MasterKey {
    MasterKey::generate(&ConstantEntropy(byte))
}
