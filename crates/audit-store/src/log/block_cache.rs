//! Blocks of entries with the seals of the entries, and the cache of those that were read.

use std::sync::{Arc, Mutex, PoisonError};

use audit::{Hash, RedactedEntry, Seal, SealedEntry, StoredEntry, hash_entry, tables::RunKey};
use audit_runs::{Dictionary, Header, RunEntry};
use kernel::{OrganizationId, Ulid};

use super::byte_cache::ByteCache;
use crate::blocks::entry_id;

/// The bytes of blocks that are kept.
const BLOCK_BYTES: usize = 24 << 20;

/// The bytes of headers and dictionaries of segments that are kept.
const LAYOUT_BYTES: usize = 8 << 20;

/// The bytes of the ranges of identifiers of segments that are kept.
const RANGE_BYTES: usize = 2 << 20;

/// A block of entries, or as many of one as a run has.
pub(crate) struct Block {
    pub(crate) first_sequence: i64,
    pub(crate) entries: Vec<RunEntry>,
    before: Hash,
    /// The hashes of the first entries, as far as they were asked for.
    hashes: Mutex<Vec<Hash>>,
}

impl Block {
    pub(crate) fn new(first_sequence: i64, before: Hash, entries: Vec<RunEntry>) -> Self {
        Self { first_sequence, entries, before, hashes: Mutex::default() }
    }

    /// The seal of the entry with this index.
    pub(crate) fn seal(&self, index: usize) -> Seal {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut previous = hashes.last().copied().unwrap_or(self.before);
        let sequences = self.first_sequence..;
        for (entry, sequence) in self.entries.iter().zip(sequences).take(index + 1).skip(hashes.len()) {
            previous = match entry {
                RunEntry::Entry(entry) => hash_entry(entry, sequence, previous),
                RunEntry::Stub { hash, .. } => *hash,
            };
            hashes.push(previous);
        }
        let previous_hash = index.checked_sub(1).map_or(self.before, |before| hashes[before]);
        Seal { sequence: self.first_sequence + index as i64, previous_hash, hash: hashes[index] }
    }

    /// The entry with this index, and its seal; `None` if it was redacted.
    pub(crate) fn stored(&self, index: usize) -> Option<StoredEntry> {
        let entry = self.entries[index].content()?.clone();
        Some(StoredEntry { entry, seal: Some(self.seal(index)) })
    }

    /// The entry with this index, or what remains of it.
    pub(crate) fn sealed(&self, organization: OrganizationId, index: usize) -> SealedEntry {
        let redacted = || RedactedEntry { id: entry_id(&self.entries[index]), organization, seal: self.seal(index) };
        self.stored(index).map_or_else(|| SealedEntry::Redacted(redacted()), SealedEntry::Entry)
    }

    /// The index of the entry with this identifier.
    pub(crate) fn find(&self, id: Ulid) -> Option<usize> {
        self.entries.iter().position(|entry| entry_id(entry).ulid() == id)
    }

    /// The smallest and the greatest identifier.
    pub(super) fn id_range(&self) -> (Ulid, Ulid) {
        let ids = || self.entries.iter().map(|entry| entry_id(entry).ulid());
        (ids().min().unwrap_or_default(), ids().max().unwrap_or_default())
    }

    /// About the number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let changes: usize = self.entries.iter().filter_map(RunEntry::content).map(|entry| entry.changes.len()).sum();
        self.entries.len() * (size_of::<RunEntry>() + size_of::<Hash>() + 200) + changes * 150
    }
}

/// A block by its version, its first sequence and its number of entries: nothing else can ever be there.
type BlockKey = (LogVersion, i64, usize);

/// The smallest and the greatest identifier of each block of a segment.
pub(crate) type IdRanges = Arc<[(Ulid, Ulid)]>;

/// A log, and the number of its entries that were redacted: what was read before a redaction is not read again.
pub(crate) type LogVersion = (OrganizationId, i64);

/// Parts of runs and segments that were read; in one version of a log, they never change.
pub(crate) struct BlockCache {
    pub(super) blocks: ByteCache<BlockKey, Arc<Block>>,
    pub(super) layouts: ByteCache<(LogVersion, i64), Arc<Layout>>,
    pub(super) id_ranges: ByteCache<(LogVersion, i64), IdRanges>,
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
    pub(crate) fn id_ranges(&self, version: LogVersion, segment: &RunKey) -> Option<IdRanges> {
        self.id_ranges.get(&(version, segment.first_sequence))
    }
}

/// The header and the dictionary of a segment.
pub(super) struct Layout {
    pub(super) header: Header,
    pub(super) dictionary: Dictionary,
}
