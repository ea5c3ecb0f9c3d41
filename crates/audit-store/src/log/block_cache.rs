//! Blocks of entries with the seals of the entries, and the cache of those that were read.

use std::sync::{Arc, Mutex, PoisonError};

use audit::{Hash, Seal, StoredEntry, hash_entry, tables::RunKey};
use audit_runs::{Dictionary, Header};
use kernel::{Entry, OrganizationId, Ulid};

use super::byte_cache::ByteCache;

/// The bytes of blocks that are kept.
const BLOCK_BYTES: usize = 24 << 20;

/// The bytes of headers and dictionaries of segments that are kept.
const LAYOUT_BYTES: usize = 8 << 20;

/// The bytes of the ranges of identifiers of segments that are kept.
const RANGE_BYTES: usize = 2 << 20;

/// A block of entries, or as many of one as a run has.
pub(crate) struct Block {
    pub(crate) first_sequence: i64,
    pub(crate) entries: Vec<Entry>,
    before: Hash,
    /// The hashes of the first entries, as far as they were asked for.
    hashes: Mutex<Vec<Hash>>,
}

impl Block {
    pub(crate) fn new(first_sequence: i64, before: Hash, entries: Vec<Entry>) -> Self {
        Self { first_sequence, entries, before, hashes: Mutex::default() }
    }

    /// The seal of the entry with this index.
    pub(crate) fn seal(&self, index: usize) -> Seal {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut previous = hashes.last().copied().unwrap_or(self.before);
        let sequences = self.first_sequence..;
        for (entry, sequence) in self.entries.iter().zip(sequences).take(index + 1).skip(hashes.len()) {
            previous = hash_entry(entry, sequence, previous);
            hashes.push(previous);
        }
        let previous_hash = index.checked_sub(1).map_or(self.before, |before| hashes[before]);
        Seal { sequence: self.first_sequence + index as i64, previous_hash, hash: hashes[index] }
    }

    /// The entry with this index, and its seal.
    pub(crate) fn stored(&self, index: usize) -> StoredEntry {
        StoredEntry { entry: self.entries[index].clone(), seal: Some(self.seal(index)) }
    }

    /// The smallest and the greatest identifier.
    pub(super) fn id_range(&self) -> (Ulid, Ulid) {
        let ids = || self.entries.iter().map(|entry| entry.id.ulid());
        (ids().min().unwrap_or_default(), ids().max().unwrap_or_default())
    }

    /// About the number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let changes: usize = self.entries.iter().map(|entry| entry.changes.len()).sum();
        self.entries.len() * (size_of::<Entry>() + size_of::<Hash>() + 200) + changes * 150
    }
}

/// A block by the organization, its first sequence and its number of entries: nothing else can ever be there.
type BlockKey = (OrganizationId, i64, usize);

/// The smallest and the greatest identifier of each block of a segment.
pub(crate) type IdRanges = Arc<[(Ulid, Ulid)]>;

/// Parts of runs and segments that were read; they never change.
pub(crate) struct BlockCache {
    pub(super) blocks: ByteCache<BlockKey, Arc<Block>>,
    pub(super) layouts: ByteCache<(OrganizationId, i64), Arc<Layout>>,
    pub(super) id_ranges: ByteCache<(OrganizationId, i64), IdRanges>,
}

impl Default for BlockCache {
    fn default() -> Self {
        Self {
            blocks: ByteCache::new(BLOCK_BYTES),
            layouts: ByteCache::new(LAYOUT_BYTES),
            id_ranges: ByteCache::new(RANGE_BYTES),
        }
    }
}

impl BlockCache {
    /// The identifiers of a segment's blocks, if all of them were read before.
    pub(crate) fn id_ranges(&self, organization: OrganizationId, segment: &RunKey) -> Option<IdRanges> {
        self.id_ranges.get(&(organization, segment.first_sequence))
    }
}

/// The header and the dictionary of a segment.
pub(super) struct Layout {
    pub(super) header: Header,
    pub(super) dictionary: Dictionary,
}
