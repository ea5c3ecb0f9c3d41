//! Whole runs: a header, a dictionary, and blocks.

use kernel::{Entry, OrganizationId};

use crate::{
    MAX_ENTRIES,
    block::{Item, RunEntry, block_content, read_block},
    dictionary::{Dictionary, collect::Collected},
    fault::{RunFault, ensure},
    frame::{Packer, unpack},
    header::{BlockAnchor, Header, MAX_BLOCKS, block_count, block_entries},
};

/// How hard a run is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Quickly, for a run that is soon replaced.
    Quick,
    /// Thoroughly, for a segment.
    Thorough,
}

impl Effort {
    fn packer(self) -> Packer {
        Packer::with_level(match self {
            Self::Quick => 1,
            Self::Thorough => 12,
        })
    }
}

/// Encodes sealed entries, at most [`MAX_ENTRIES`], with an anchor for each block that they lie in. Blocks begin at
/// sequences 1, 257, and so on; a run may begin in the middle of its first one.
///
/// # Panics
/// If an entry is of another organization, or the number of entries, of blocks (more than 16) or of anchors is wrong.
#[must_use]
pub fn encode_sealed(
    organization: OrganizationId,
    first_sequence: i64,
    entries: &[Entry],
    anchors: &[BlockAnchor],
    effort: Effort,
) -> Vec<u8> {
    assert!(first_sequence > 0, "sequences begin at 1");
    let items: Vec<Item<'_>> = entries.iter().map(Item::Entry).collect();
    encode(organization, first_sequence, &items, anchors, effort.packer())
}

/// Encodes a sealed run like [`encode_sealed`], of entries and of stubs of entries.
///
/// # Panics
/// Like [`encode_sealed`].
#[must_use]
pub fn encode_sealed_with_stubs(
    organization: OrganizationId,
    first_sequence: i64,
    entries: &[RunEntry],
    anchors: &[BlockAnchor],
    effort: Effort,
) -> Vec<u8> {
    assert!(first_sequence > 0, "sequences begin at 1");
    let items: Vec<Item<'_>> = entries.iter().map(RunEntry::as_item).collect();
    encode(organization, first_sequence, &items, anchors, effort.packer())
}

/// Encodes entries that wait for their seal, without compression: the row that they are part of is compressed.
///
/// # Panics
/// If an entry is of another organization, or there are more than [`MAX_ENTRIES`].
#[must_use]
pub fn encode_waiting(organization: OrganizationId, entries: &[&Entry]) -> Vec<u8> {
    let items: Vec<Item<'_>> = entries.iter().map(|entry| Item::Entry(entry)).collect();
    encode(organization, 0, &items, &[], Packer::stored())
}

fn encode(
    organization: OrganizationId,
    first_sequence: i64,
    items: &[Item<'_>],
    anchors: &[BlockAnchor],
    mut packer: Packer,
) -> Vec<u8> {
    let blocks = block_count(first_sequence, items.len());
    assert!(items.len() <= MAX_ENTRIES && blocks <= MAX_BLOCKS, "a run has at most 4,096 entries in 16 blocks");
    let is_sealed = first_sequence > 0;
    assert!(anchors.len() == if is_sealed { blocks } else { 0 }, "each sealed block has an anchor");
    let is_own = |item: &Item<'_>| item.entry().is_none_or(|entry| entry.organization == organization);
    assert!(items.iter().all(is_own), "all entries of a run are of its organization");

    let has_stubs = items.iter().any(|item| item.entry().is_none());
    let start = Header::encoded_length(blocks, is_sealed);
    let collected = Collected::new(items.iter().filter_map(|item| item.entry()));
    let mut frames = Vec::new();
    let mut offsets = Vec::with_capacity(blocks + 2);
    offsets.push(start as u32);
    packer.put(&mut frames, collected.content());
    for block in 0..blocks {
        offsets.push((start + frames.len()) as u32);
        let items = &items[block_entries(first_sequence, items.len(), block)];
        packer.put(&mut frames, &block_content(&collected, items, has_stubs));
    }
    let end = u32::try_from(start + frames.len()).expect("256 MiB for each of 16 blocks are less than 4 GiB");
    offsets.push(end);
    let header =
        Header { organization, first_sequence, entries: items.len(), anchors: anchors.to_vec(), has_stubs, offsets };
    let mut bytes = header.encode();
    bytes.append(&mut frames);
    bytes
}

/// Decodes a whole run.
///
/// # Errors
/// [`RunFault`] if the bytes are not a run, or have stubs.
pub fn decode(bytes: &[u8]) -> Result<(Header, Vec<Entry>), RunFault> {
    let (header, entries) = decode_with_stubs(bytes)?;
    Ok((header, without_stubs(entries)?))
}

/// Decodes a whole run whose entries may have become stubs.
///
/// # Errors
/// [`RunFault`] if the bytes are not a run.
pub fn decode_with_stubs(bytes: &[u8]) -> Result<(Header, Vec<RunEntry>), RunFault> {
    let header = Header::parse(bytes)?;
    ensure(header.length() == bytes.len(), "the run has not the length that its header states")?;
    let dictionary = Dictionary::decode(&header, &bytes[header.dictionary()])?;
    let mut entries = Vec::with_capacity(header.entries);
    for block in 0..header.blocks() {
        entries.append(&mut dictionary.decode_block_with_stubs(&header, block, &bytes[header.block(block)])?);
    }
    Ok((header, entries))
}

impl Dictionary {
    /// Decodes the bytes of a block, in the range that the header states.
    ///
    /// # Errors
    /// [`RunFault`] if they are not this block, or have stubs.
    pub fn decode_block(&self, header: &Header, block: usize, bytes: &[u8]) -> Result<Vec<Entry>, RunFault> {
        without_stubs(self.decode_block_with_stubs(header, block, bytes)?)
    }

    /// Decodes the bytes of a block whose entries may have become stubs.
    ///
    /// # Errors
    /// [`RunFault`] if they are not this block.
    pub fn decode_block_with_stubs(
        &self,
        header: &Header,
        block: usize,
        bytes: &[u8],
    ) -> Result<Vec<RunEntry>, RunFault> {
        ensure(block < header.blocks(), "the run has no such block")?;
        ensure(bytes.len() == header.block(block).len(), "the block has not the length that the header states")?;
        let count = header.block_entries(block).len();
        read_block(self, header.organization, &unpack(bytes)?, count, header.has_stubs)
    }
}

fn without_stubs(entries: Vec<RunEntry>) -> Result<Vec<Entry>, RunFault> {
    let entry = |entry| match entry {
        RunEntry::Entry(entry) => Ok(entry),
        RunEntry::Stub { id, .. } => Err(RunFault(format!("the content of the entry {id} was removed"))),
    };
    entries.into_iter().map(entry).collect()
}
