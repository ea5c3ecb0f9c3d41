//! The check of a run by itself, which any thread can make.

use std::ops::RangeInclusive;

use audit::{
    BLOCK_LEVEL, Fault, Hash, Head, Redaction, leaf_hash, push_hashed_json, recorded_redaction, recorded_removal,
    subtree_root,
    tables::{RunKey, RunTable},
    tree_root,
};
use audit_runs::{Dictionary, Header, RunEntry, SegmentTerms};
use kernel::{Entry, Id, OrganizationId, Ulid};

use crate::{
    blocks::{entry_id, terms_from},
    log::parse_header,
};

/// A block that has the entries that its anchor says.
pub(super) struct CheckedBlock {
    /// The sequences of its entries.
    pub(super) sequences: RangeInclusive<i64>,
    /// The hash of the entry before it, as it is stored.
    pub(super) before: Hash,
    /// The hashes of its entries.
    pub(super) hashes: Vec<Hash>,
    /// The root of the tree over its entries.
    pub(super) root: Hash,
    /// The identifiers of its entries.
    pub(super) ids: Vec<Id<Entry>>,
    /// The removals that its entries record.
    pub(super) removals: Vec<Head>,
    /// The redactions that its entries record.
    pub(super) redactions: Vec<Redaction>,
    /// Its entries whose content was removed.
    pub(super) redacted: Vec<Redaction>,
}

impl CheckedBlock {
    /// The hash of the entry with this sequence.
    pub(super) fn hash(&self, sequence: i64) -> Option<Hash> {
        self.index(sequence).map(|index| self.hashes[index])
    }

    /// The identifier of the entry with this sequence.
    pub(super) fn id(&self, sequence: i64) -> Option<Id<Entry>> {
        self.index(sequence).map(|index| self.ids[index])
    }

    fn index(&self, sequence: i64) -> Option<usize> {
        let index = usize::try_from(sequence.checked_sub(*self.sequences.start())?).ok()?;
        (index < self.hashes.len()).then_some(index)
    }

    /// Whether it has all entries that a block can have.
    pub(super) fn is_whole(&self) -> bool {
        self.hashes.len() == 1 << BLOCK_LEVEL && (self.sequences.start() - 1) % (1 << BLOCK_LEVEL) == 0
    }
}

/// A run whose blocks have the entries that its key and anchors say.
pub(super) struct CheckedRun {
    pub(super) blocks: Vec<CheckedBlock>,
    /// The terms that the index must have; `None` if it is not a segment.
    pub(super) terms: Option<SegmentTerms>,
}

/// Decodes a run and computes the hashes of its entries.
///
/// # Errors
/// [`Fault`] if it can't be read, or does not have the entries that its key and anchors say.
pub(super) fn check_run(organization: OrganizationId, key: &RunKey, body: &[u8]) -> Result<CheckedRun, Fault> {
    let (first, last) = (key.first_sequence, key.last_sequence);
    let unreadable = Fault::Unreadable { first, last };
    let header = parse_header(organization, key, body).map_err(|_| unreadable)?;
    let frame = |range| body.get(range).unwrap_or_default();
    let dictionary = Dictionary::decode(&header, frame(header.dictionary())).map_err(|_| unreadable)?;
    let mut low = Ulid::max();
    let mut blocks = Vec::with_capacity(header.blocks());
    let mut text = String::new();
    let mut all = Vec::new();
    for block in 0..header.blocks() {
        let sequences = header.sequences(block);
        let (first, last) = (sequences.start, sequences.end - 1);
        let entries = dictionary
            .decode_block_with_stubs(&header, block, frame(header.block(block)))
            .map_err(|_| Fault::Unreadable { first, last })?;
        let checked = check_block(&header, block, &entries, &mut text)?;
        low = checked.ids.iter().fold(low, |low, id| low.min(id.ulid()));
        blocks.push(checked);
        if key.table == RunTable::Segments {
            all.extend(entries);
        }
    }
    if low != key.first_id {
        return Err(Fault::WrongKey { first, last });
    }
    let terms = (key.table == RunTable::Segments).then(|| terms_from(first, all.iter().map(RunEntry::content)));
    Ok(CheckedRun { blocks, terms })
}

fn check_block(header: &Header, block: usize, entries: &[RunEntry], text: &mut String) -> Result<CheckedBlock, Fault> {
    let sequences = header.sequences(block);
    let anchor = header.anchors[block];
    let (first, last) = (sequences.start, sequences.end - 1);
    let mut hash = anchor.before;
    let (mut hashes, mut redacted) = (Vec::with_capacity(entries.len()), Vec::new());
    for (entry, sequence) in entries.iter().zip(sequences) {
        hash = match entry {
            RunEntry::Entry(entry) => {
                text.clear();
                push_hashed_json(text, entry, sequence, hash);
                Hash::digest(text.as_bytes())
            }
            RunEntry::Stub { id, hash } => {
                redacted.push(Redaction { id: *id, entry: Head { sequence, hash: *hash } });
                *hash
            }
        };
        hashes.push(hash);
    }
    let root = root(&hashes);
    if root != anchor.root || hashes.len() as i64 != last - first + 1 {
        return Err(Fault::AlteredBlock { first, last });
    }
    let contents = || entries.iter().filter_map(RunEntry::content);
    Ok(CheckedBlock {
        sequences: first..=last,
        before: anchor.before,
        hashes,
        root,
        ids: entries.iter().map(entry_id).collect(),
        removals: contents().filter_map(recorded_removal).collect(),
        redactions: contents().filter_map(recorded_redaction).collect(),
        redacted,
    })
}

/// The root of the tree over the entries of a block.
fn root(hashes: &[Hash]) -> Hash {
    if hashes.len() == 1 << BLOCK_LEVEL {
        let leaves: Vec<Hash> = hashes.iter().map(|hash| leaf_hash(*hash)).collect();
        return subtree_root(&leaves);
    }
    tree_root(hashes.iter().copied())
}
