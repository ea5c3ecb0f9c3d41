//! Reproducible randomness.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Entropy, Timestamp};
use ulid::Ulid;

/// Deterministic bytes and identifiers: the same in every run, and never twice in one run.
#[derive(Debug, Default)]
pub struct TestEntropy(AtomicU64);

impl TestEntropy {
    /// A source that continues as if `drawn` values had been drawn already.
    #[must_use]
    pub const fn with_offset(drawn: u64) -> Self {
        Self(AtomicU64::new(drawn))
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            // SplitMix64: consecutive counter values give unrelated bytes.
            let mut bits = self.next().wrapping_mul(0x9E37_79B9_7F4A_7C15);
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(bits ^ (bits >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        Ulid::from_parts(u64::try_from(at.millis()).unwrap_or(0), u128::from(self.next()))
    }
}
