//! The format of runs: entries of one organization, packed by columns and compressed in blocks of 256, and the index of
//! their actions, actors and subjects. Files in archives are read in ten years: a change needs a new version beside the
//! old one, which frozen samples in the tests hold.

use std::ops::Range;

use audit::Hash;
use kernel::{Entry, OrganizationId};

/// The maximum number of entries of a run: the number of entries of a segment.
pub const MAX_ENTRIES: usize = 4_096;

/// The maximum number of entries of a block.
pub const BLOCK_ENTRIES: usize = 256;

/// The reason that bytes are not a run, or not a part of the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunFault(pub String);

/// What a sealed block begins from, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAnchor {
    /// The hash of the entry before the block's first one.
    pub before: Hash,
    /// The root of the tree over the entries of the block that the run has.
    pub root: Hash,
}

/// How hard a run is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Quickly, for a run that is soon replaced.
    Quick,
    /// Thoroughly, for a segment.
    Thorough,
}

/// Encodes sealed entries, at most [`MAX_ENTRIES`], with an anchor for each block that they lie in. Blocks begin at
/// sequences 1, 257, and so on; a run may begin in the middle of its first one.
#[must_use]
pub fn encode_sealed(
    organization: OrganizationId,
    first_sequence: i64,
    entries: &[Entry],
    anchors: &[BlockAnchor],
    effort: Effort,
) -> Vec<u8> {
    let _ = (organization, first_sequence, entries, anchors, effort);
    unimplemented!()
}

/// Encodes entries that wait for their seal, without compression: the row that they are part of is compressed.
#[must_use]
pub fn encode_waiting(organization: OrganizationId, entries: &[&Entry]) -> Vec<u8> {
    let _ = (organization, entries);
    unimplemented!()
}

/// The header of a run: where its parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The organization of the entries.
    pub organization: OrganizationId,
    /// The sequence of the first entry; 0 if they wait.
    pub first_sequence: i64,
    /// The number of entries.
    pub entries: usize,
    /// The anchors of its blocks; none if the entries wait.
    pub anchors: Vec<BlockAnchor>,
    // … private: flags and offsets
}

impl Header {
    /// The number of bytes from the start of a run within which each header ends.
    pub const MAX_LENGTH: usize = 36 + 4 * 18 + 64 * 16;

    /// Parses the header at the start of these bytes, which may end anywhere after it.
    ///
    /// # Errors
    /// [`RunFault`] if it is not a header.
    pub fn parse(bytes: &[u8]) -> Result<Self, RunFault> {
        let _ = bytes;
        unimplemented!()
    }

    /// The range of bytes of the dictionary.
    #[must_use]
    pub fn dictionary(&self) -> Range<usize> {
        unimplemented!()
    }

    /// The number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        unimplemented!()
    }

    /// The range of bytes of a block.
    #[must_use]
    pub fn block(&self, block: usize) -> Range<usize> {
        let _ = block;
        unimplemented!()
    }

    /// The sequences of the entries of a block (or their numbers from 0, if they wait).
    #[must_use]
    pub fn sequences(&self, block: usize) -> Range<i64> {
        let _ = block;
        unimplemented!()
    }
}

/// The dictionary of a run: what its entries have in common.
pub struct Dictionary {}

impl Dictionary {
    /// Decodes the bytes in the range that the header states.
    ///
    /// # Errors
    /// [`RunFault`] if they are not a dictionary.
    pub fn decode(header: &Header, bytes: &[u8]) -> Result<Self, RunFault> {
        let _ = (header, bytes);
        unimplemented!()
    }

    /// Decodes the bytes of a block, in the range that the header states.
    ///
    /// # Errors
    /// [`RunFault`] if they are not this block.
    pub fn decode_block(&self, header: &Header, block: usize, bytes: &[u8]) -> Result<Vec<Entry>, RunFault> {
        let _ = (header, block, bytes);
        unimplemented!()
    }
}

/// Decodes a whole run.
///
/// # Errors
/// [`RunFault`] if the bytes are not a run.
pub fn decode(bytes: &[u8]) -> Result<(Header, Vec<Entry>), RunFault> {
    let _ = bytes;
    unimplemented!()
}

/// What a fingerprint is of.
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
        let _ = (kind, term);
        unimplemented!()
    }

    /// The bucket of the index that it belongs to: its upper 11 bits.
    #[must_use]
    pub fn bucket(self) -> i64 {
        i64::from(self.0 >> 21)
    }
}

/// The fingerprints of the blocks of one segment: of a row of the index with the bucket -1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentTerms {}

impl SegmentTerms {
    /// Collects the fingerprints of the entries of a segment, in their order.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let _ = entries;
        unimplemented!()
    }

    /// Encodes them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        unimplemented!()
    }

    /// Decodes them.
    ///
    /// # Errors
    /// [`RunFault`] if the bytes are not fingerprints of a segment.
    pub fn decode(bytes: &[u8]) -> Result<Self, RunFault> {
        let _ = bytes;
        unimplemented!()
    }

    /// The blocks, from 0 to 15, that may contain a term: a bit for each.
    #[must_use]
    pub fn blocks(&self, fingerprint: Fingerprint) -> u16 {
        let _ = fingerprint;
        unimplemented!()
    }
}

/// Merges the fingerprints of up to 256 consecutive segments into rows by bucket, without those that would be empty.
#[must_use]
pub fn merge_terms(segments: &[SegmentTerms]) -> Vec<(i64, Vec<u8>)> {
    let _ = segments;
    unimplemented!()
}

/// Returns the blocks, counted from the first of the first segment (0 to 4,095), that may contain a term, from a merged
/// row of its bucket, in order.
///
/// # Errors
/// [`RunFault`] if the bytes are not a merged row.
pub fn merged_blocks(row: &[u8], fingerprint: Fingerprint) -> Result<Vec<u16>, RunFault> {
    let _ = (row, fingerprint);
    unimplemented!()
}
