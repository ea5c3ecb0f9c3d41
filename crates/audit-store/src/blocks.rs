//! Blocks: their hashes, and the runs and segments that are made of them.

use audit::{
    BLOCK_ENTRIES, Hash, Head, hash_entry,
    tables::{NewRun, NewSegment, TermRow},
    tree_root,
};
use audit_runs::{BlockAnchor, Dictionary, Effort, Header, RunEntry, SegmentTerms, encode_sealed_with_stubs};
use kernel::{Entry, Id, OrganizationId, Ulid};

use crate::damage::Damage;

/// The number of entries of a segment.
pub(crate) const SEGMENT_ENTRIES: i64 = 16 * BLOCK_ENTRIES;

/// The number of entries of a group of segments, whose rows of the index are merged.
pub(crate) const GROUP_ENTRIES: i64 = GROUP_SEGMENTS as i64 * SEGMENT_ENTRIES;

/// The number of segments whose rows of the index are merged.
pub(crate) const GROUP_SEGMENTS: usize = 256;

/// Returns the sequence of the last entry of the block, segment or group with this number of entries that contains this
/// sequence.
pub(crate) fn end_of(sequence: i64, entries: i64) -> i64 {
    ((sequence - 1) / entries + 1) * entries
}

/// Returns the root of the block that contains these entries. Its earlier entries, if it has any, were removed before the
/// tree of the chain was built. Nobody has their hashes any longer, so [`Hash::ZERO`] stands for them, except for the last
/// one, whose hash the chain continues from.
#[must_use]
pub fn block_root(first_sequence: i64, before: Hash, hashes: &[Hash]) -> Hash {
    tree_root(removed_leaves((first_sequence - 1) % BLOCK_ENTRIES, before).chain(hashes.iter().copied()))
}

/// The hashes that stand for entries that were removed before the tree was built.
pub(crate) fn removed_leaves(count: i64, last: Hash) -> impl Iterator<Item = Hash> {
    (1..=count).map(move |number| if number == count { last } else { Hash::ZERO })
}

/// A block, or a part of one, whose entries were hashed.
#[derive(Clone, Debug)]
pub(crate) struct HashedBlock {
    pub(crate) first_sequence: i64,
    pub(crate) before: Hash,
    pub(crate) hashes: Vec<Hash>,
}

impl HashedBlock {
    pub(crate) fn last(&self) -> Head {
        let count = i64::try_from(self.hashes.len()).expect("a block has few entries");
        Head { sequence: self.first_sequence + count - 1, hash: self.hashes.last().copied().unwrap_or(self.before) }
    }

    pub(crate) fn range(&self) -> (i64, i64) {
        (self.first_sequence, self.last().sequence)
    }

    pub(crate) fn anchor(&self) -> BlockAnchor {
        BlockAnchor { before: self.before, root: tree_root(self.hashes.iter().copied()) }
    }

    /// The node of the tree over the chain.
    pub(crate) fn root(&self) -> Hash {
        block_root(self.first_sequence, self.before, &self.hashes)
    }
}

/// Divides the hashes of consecutive entries into the blocks that they lie in.
pub(crate) fn divide(first_sequence: i64, before: Hash, hashes: &[Hash]) -> Vec<HashedBlock> {
    let (mut first_sequence, mut before, mut rest) = (first_sequence, before, hashes);
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let room =
            usize::try_from(end_of(first_sequence, BLOCK_ENTRIES) - first_sequence + 1).expect("a block is small");
        let (hashes, others) = rest.split_at(room.min(rest.len()));
        let block = HashedBlock { first_sequence, before, hashes: hashes.to_vec() };
        (first_sequence, before, rest) = (block.last().sequence + 1, block.last().hash, others);
        blocks.push(block);
    }
    blocks
}

/// Decodes a run and hashes its entries.
///
/// # Errors
/// [`Damage`] if it is not the run with these first and last sequences, or its entries do not have the hashes that it
/// states: the first block of which that is so.
pub(crate) fn hash_run(
    organization: OrganizationId,
    range: (i64, i64),
    body: &[u8],
) -> Result<(Vec<RunEntry>, Vec<HashedBlock>), Damage> {
    let damage = |reason: String| Damage::new(organization, range, reason);
    let header = Header::parse(body).map_err(|fault| damage(fault.to_string()))?;
    let is_expected = header.organization == organization
        && header.first_sequence == range.0
        && i64::try_from(header.entries).is_ok_and(|entries| entries == range.1 - range.0 + 1)
        && header.anchors.len() == header.blocks();
    if !is_expected {
        return Err(damage("its header is that of another run".to_owned()));
    }
    let part = |range| body.get(range).ok_or_else(|| damage("its end is missing".to_owned()));
    let dictionary = part(header.dictionary())?;
    let dictionary = Dictionary::decode(&header, dictionary).map_err(|fault| damage(fault.to_string()))?;
    let mut entries = Vec::with_capacity(header.entries);
    let mut blocks: Vec<HashedBlock> = Vec::with_capacity(header.blocks());
    for (number, anchor) in header.anchors.iter().enumerate() {
        let (decoded, block) = hash_block(organization, &header, &dictionary, number, part(header.block(number))?)?;
        if blocks.last().is_some_and(|last| last.last().hash != anchor.before) {
            let reason = "it does not begin with the hash that the block before it ends with";
            return Err(Damage::new(organization, block.range(), reason));
        }
        entries.extend(decoded);
        blocks.push(block);
    }
    Ok((entries, blocks))
}

/// Decodes a block of a run and hashes its entries.
///
/// # Errors
/// [`Damage`] if they do not have the root that the run states.
pub(crate) fn hash_block(
    organization: OrganizationId,
    header: &Header,
    dictionary: &Dictionary,
    number: usize,
    bytes: &[u8],
) -> Result<(Vec<RunEntry>, HashedBlock), Damage> {
    let sequences = header.sequences(number);
    let damage = |reason: &str| Damage::new(organization, (sequences.start, sequences.end - 1), reason);
    let anchor = header.anchors.get(number).ok_or_else(|| damage("it has no anchor"))?;
    let decoded = dictionary.decode_block_with_stubs(header, number, bytes);
    let decoded = decoded.map_err(|fault| damage(&fault.to_string()))?;
    let mut hash = anchor.before;
    let hashes = sequences.clone().zip(&decoded).map(|(sequence, entry)| {
        hash = match entry {
            RunEntry::Entry(entry) => hash_entry(entry, sequence, hash),
            RunEntry::Stub { hash, .. } => *hash,
        };
        hash
    });
    let block = HashedBlock { first_sequence: sequences.start, before: anchor.before, hashes: hashes.collect() };
    if block.range().1 + 1 != sequences.end || block.anchor() != *anchor {
        return Err(damage("its entries do not have the root that it states"));
    }
    Ok((decoded, block))
}

/// Makes a run of sealed entries. `high_id` is the greatest identifier of an earlier entry.
pub(crate) fn new_run(
    organization: OrganizationId,
    entries: &[RunEntry],
    blocks: &[HashedBlock],
    high_id: Ulid,
    effort: Effort,
) -> NewRun {
    let anchors: Vec<BlockAnchor> = blocks.iter().map(HashedBlock::anchor).collect();
    let (first_sequence, last_sequence) = range(blocks);
    let ids = || entries.iter().map(|entry| entry_id(entry).ulid());
    NewRun {
        first_sequence,
        last_sequence,
        first_id: ids().min().unwrap_or(high_id),
        high_id: ids().fold(high_id, Ord::max),
        body: encode_sealed_with_stubs(organization, first_sequence, entries, &anchors, effort),
    }
}

/// Makes a segment of sealed entries and the row of the index about it.
pub(crate) fn new_segment(
    organization: OrganizationId,
    entries: &[RunEntry],
    blocks: &[HashedBlock],
    high_id: Ulid,
) -> (NewSegment, TermRow) {
    let run = new_run(organization, entries, blocks, high_id, Effort::Thorough);
    let terms = segment_terms(run.first_sequence, entries);
    let digest = Hash::digest(&run.body);
    (NewSegment { run, digest }, terms)
}

/// Makes the row of the index about a segment.
pub(crate) fn segment_terms(first_sequence: i64, entries: &[RunEntry]) -> TermRow {
    let body = terms_from(first_sequence, entries.iter().map(RunEntry::content)).encode();
    TermRow { bucket: -1, first_sequence: segment_start(first_sequence), body }
}

/// Collects the terms of the entries of a segment, of which the first has this sequence; `None` stands for a stub.
pub(crate) fn terms_from<'a>(first_sequence: i64, entries: impl Iterator<Item = Option<&'a Entry>>) -> SegmentTerms {
    let removed = usize::try_from(first_sequence - segment_start(first_sequence)).expect("a segment has few entries");
    SegmentTerms::after_removed(removed, entries)
}

/// Returns the number of the group of segments to which the one with this sequence belongs.
pub(crate) fn group_of(sequence: i64) -> i64 {
    (sequence - 1).div_euclid(GROUP_ENTRIES)
}

/// Returns the sequence from which the index counts the blocks of a segment. Entries from there on may have been removed
/// before the segment was made.
pub(crate) fn segment_start(first_sequence: i64) -> i64 {
    end_of(first_sequence, SEGMENT_ENTRIES) - SEGMENT_ENTRIES + 1
}

/// Returns the number of blocks that the index counts before the first one of a segment, because they were removed before
/// the segment was made.
pub(crate) fn blocks_before(first_sequence: i64) -> u32 {
    let before = (first_sequence - segment_start(first_sequence)) / BLOCK_ENTRIES;
    u32::try_from(before).expect("a segment has 16 blocks")
}

/// The identifier of an entry, which it keeps when its content is removed.
pub(crate) fn entry_id(entry: &RunEntry) -> Id<Entry> {
    match entry {
        RunEntry::Entry(entry) => entry.id,
        RunEntry::Stub { id, .. } => *id,
    }
}

/// The first and last sequences of consecutive blocks.
pub(crate) fn range(blocks: &[HashedBlock]) -> (i64, i64) {
    let first = blocks.first().map_or(0, |block| block.first_sequence);
    (first, blocks.last().map_or(first - 1, |block| block.last().sequence))
}
