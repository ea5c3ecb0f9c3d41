//! The header of a run: where its parts are.
//!
//! | offset | size | |
//! |---|---|---|
//! | 0 | 4 | `NVA1` |
//! | 4 | 1 | flags: 1 sealed, 4 has stubs |
//! | 5 | 1 | 0 |
//! | 6 | 2 | *B*, the number of blocks (LE) |
//! | 8 | 16 | organization |
//! | 24 | 8 | first sequence, 0 while waiting (LE) |
//! | 32 | 4 | number of entries (LE) |
//! | 36 | 4·(*B*+2) | offsets of the dictionary, of each block, and of the end (LE) |
//! | … | 64·*B* | sealed only, for each block: hash before its first entry, root of the tree over its entries |

use std::ops::Range;

use audit::Hash;
use kernel::{Id, OrganizationId, Ulid};

use crate::{
    BLOCK_ENTRIES, MAX_ENTRIES,
    bytes::Reader,
    fault::{RunFault, ensure},
};

const MAGIC: [u8; 4] = *b"NVA1";
const SEALED: u8 = 1;
const STUBS: u8 = 4;

/// The maximum number of blocks of a run.
pub(crate) const MAX_BLOCKS: usize = MAX_ENTRIES / BLOCK_ENTRIES;

/// The hashes that tell what a sealed block begins from, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAnchor {
    /// The hash of the entry before the block's first one.
    pub before: Hash,
    /// The root of the tree over the entries of the block that the run has.
    pub root: Hash,
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
    pub(crate) has_stubs: bool,
    /// The offsets of the dictionary, of each block, and of the end.
    pub(crate) offsets: Vec<u32>,
}

impl Header {
    /// The number of bytes from the start of a run within which each header ends.
    pub const MAX_LENGTH: usize = 36 + 4 * 18 + 64 * 16;

    /// Parses the header at the start of these bytes, which may end anywhere after it.
    ///
    /// # Errors
    /// [`RunFault`] if it is not a header.
    pub fn parse(bytes: &[u8]) -> Result<Self, RunFault> {
        let mut reader = Reader::new(bytes);
        ensure(reader.array()? == MAGIC, "these bytes are not a run, or one of a later version")?;
        let flags = reader.byte()?;
        ensure(flags & !(SEALED | STUBS) == 0 && reader.byte()? == 0, "the run is of a later version")?;
        let blocks = usize::from(u16::from_le_bytes(reader.array()?));
        let organization = Id::new(Ulid::from_bytes(reader.array()?));
        let first_sequence = i64::from_le_bytes(reader.array()?);
        let entries = u32::from_le_bytes(reader.array()?) as usize;
        let is_sealed = flags & SEALED != 0;
        ensure(is_sealed == (first_sequence > 0) && first_sequence >= 0, "the run has no valid first sequence")?;
        ensure(first_sequence.checked_add(MAX_ENTRIES as i64).is_some(), "the run has no valid first sequence")?;
        ensure(entries <= MAX_ENTRIES, "the run has too many entries")?;
        ensure(blocks == block_count(first_sequence, entries), "the run has a wrong number of blocks")?;
        ensure(blocks <= MAX_BLOCKS, "the run has too many blocks")?;
        let mut offsets = Vec::with_capacity(blocks + 2);
        for _ in 0..blocks + 2 {
            offsets.push(u32::from_le_bytes(reader.array()?));
        }
        let mut anchors = Vec::with_capacity(blocks);
        for _ in 0..if is_sealed { blocks } else { 0 } {
            anchors.push(BlockAnchor { before: Hash(reader.array()?), root: Hash(reader.array()?) });
        }
        let length = bytes.len() - reader.remaining();
        ensure(offsets[0] as usize == length && offsets.is_sorted(), "the parts of the run are out of order")?;
        Ok(Self { organization, first_sequence, entries, anchors, has_stubs: flags & STUBS != 0, offsets })
    }

    /// The range of bytes of the dictionary.
    #[must_use]
    pub fn dictionary(&self) -> Range<usize> {
        self.offsets[0] as usize..self.offsets[1] as usize
    }

    /// The number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.offsets.len() - 2
    }

    /// The range of bytes of a block.
    ///
    /// # Panics
    /// If the run has no such block.
    #[must_use]
    pub fn block(&self, block: usize) -> Range<usize> {
        self.offsets[block + 1] as usize..self.offsets[block + 2] as usize
    }

    /// The number of bytes of the run.
    #[must_use]
    pub fn length(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    /// Whether the content of an entry was replaced by its hash.
    #[must_use]
    pub fn has_stubs(&self) -> bool {
        self.has_stubs
    }

    /// The sequences of the entries of a block (or their numbers from 0, if they wait).
    #[must_use]
    pub fn sequences(&self, block: usize) -> Range<i64> {
        let entries = block_entries(self.first_sequence, self.entries, block);
        self.first_sequence + entries.start as i64..self.first_sequence + entries.end as i64
    }

    pub(crate) fn block_entries(&self, block: usize) -> Range<usize> {
        block_entries(self.first_sequence, self.entries, block)
    }

    /// The length of the bytes that [`Self::encode`] returns.
    pub(crate) fn encoded_length(blocks: usize, is_sealed: bool) -> usize {
        36 + 4 * (blocks + 2) + if is_sealed { 64 * blocks } else { 0 }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let is_sealed = self.first_sequence > 0;
        let mut bytes = Vec::with_capacity(Self::encoded_length(self.blocks(), is_sealed));
        bytes.extend_from_slice(&MAGIC);
        bytes.push(if is_sealed { SEALED } else { 0 } | if self.has_stubs { STUBS } else { 0 });
        bytes.push(0);
        bytes.extend_from_slice(&(self.blocks() as u16).to_le_bytes());
        bytes.extend_from_slice(&self.organization.ulid().to_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&(self.entries as u32).to_le_bytes());
        self.offsets.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_le_bytes()));
        for BlockAnchor { before, root } in &self.anchors {
            bytes.extend_from_slice(&before.0);
            bytes.extend_from_slice(&root.0);
        }
        bytes
    }
}

/// The number of entries by which the first block of a run is begun already.
fn begun(first_sequence: i64) -> usize {
    (first_sequence - 1).max(0) as usize % BLOCK_ENTRIES
}

/// Returns the number of blocks in which the entries of a run lie.
pub(crate) fn block_count(first_sequence: i64, entries: usize) -> usize {
    if entries == 0 { 0 } else { (begun(first_sequence) + entries).div_ceil(BLOCK_ENTRIES) }
}

/// Returns the entries of a run that lie in one of its blocks.
pub(crate) fn block_entries(first_sequence: i64, entries: usize, block: usize) -> Range<usize> {
    let boundary = |block: usize| (block * BLOCK_ENTRIES).saturating_sub(begun(first_sequence)).min(entries);
    boundary(block)..boundary(block + 1)
}
