//! The fingerprints of the terms of entries, by which the index finds the blocks that may have a term.

mod merged;
mod segment;

pub use merged::{merge_terms, merged_blocks, merged_row_contains};
pub use segment::SegmentTerms;
use sha2::{Digest, Sha256};

/// The kind of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermKind {
    /// The name of an action.
    Action,
    /// The identifier of an actor.
    Actor,
    /// The identifier of a subject.
    Subject,
    /// The identifier of a subject, in an entry that has changes.
    ChangedSubject,
}

/// 32 bits of a hash of a term, by which the index finds the blocks that may contain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u32);

impl Fingerprint {
    /// The fingerprint of a term.
    #[must_use]
    pub fn of(kind: TermKind, term: &str) -> Self {
        let kind = match kind {
            TermKind::Action => 0_u8,
            TermKind::Actor => 1,
            TermKind::Subject => 2,
            TermKind::ChangedSubject => 3,
        };
        let [a, b, c, d, ..]: [u8; 32] = Sha256::new().chain_update([kind]).chain_update(term).finalize().into();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    /// The bucket of the index that it belongs to: its upper 11 bits.
    #[must_use]
    pub fn bucket(self) -> i64 {
        i64::from(self.0 >> WITHIN_BUCKET)
    }
}

/// The number of bits that tell fingerprints of one bucket apart.
const WITHIN_BUCKET: u32 = 21;
