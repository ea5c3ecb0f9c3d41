//! Reading and decoding blocks of entries.

use std::{collections::HashMap, sync::Arc};

use audit::{
    Hash,
    tables::{BodyRange, RunKey, RunTable},
};
use audit_runs::{BLOCK_ENTRIES, Dictionary, Header};
use kernel::{OrganizationId, StoreError};

use super::{
    block_cache::{Block, IdRanges, Layout, LogVersion},
    reader::Reader,
};

/// The number of bytes at the start of a segment that are read first: the header, and the dictionary of most segments.
const LAYOUT_LENGTH: usize = Header::MAX_LENGTH + 8 * 1_024;

/// The number of blocks of a segment from which on it is read whole.
const WHOLE_FROM: u32 = 6;

/// All blocks of a segment.
pub(crate) const ALL_BLOCKS: u16 = u16::MAX;

/// The blocks of a run or segment that are to be read: a bit for each.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) key: RunKey,
    pub(crate) blocks: u16,
}

impl Wish {
    /// The blocks in their order: each by its number, its first sequence and its number of entries.
    fn parts(&self) -> impl Iterator<Item = (usize, i64, usize)> + use<'_> {
        let length = BLOCK_ENTRIES as i64;
        // Entries at the start of the first block may have been removed.
        let begun = self.key.first_sequence - (self.key.first_sequence - 1).rem_euclid(length);
        (0..16).filter(|block| self.blocks & (1 << block) != 0).filter_map(move |block| {
            let start = begun + block as i64 * length;
            let first = start.max(self.key.first_sequence);
            let entries = self.key.last_sequence.min(start + length - 1) - first + 1;
            (entries > 0).then(|| (block, first, usize::try_from(entries).unwrap_or_default()))
        })
    }

    fn range(&self, offset: usize, length: usize) -> BodyRange {
        BodyRange { table: self.key.table, first_sequence: self.key.first_sequence, offset, length }
    }
}

/// The blocks of each wish, in their order.
pub(crate) type Blocks = Vec<Vec<Arc<Block>>>;

/// The bytes that a wish is answered from.
enum Source {
    Cached(Vec<Arc<Block>>),
    Whole(Vec<u8>),
    Framed(Arc<Layout>, Vec<Vec<u8>>),
}

impl Reader {
    /// Reads blocks of a log. Returns `None` if one of the runs is no longer where its key says.
    pub(crate) async fn load(&self, version: LogVersion, wishes: &[Wish]) -> Result<Option<Blocks>, StoreError> {
        let (organization, _) = version;
        let Some(sources) = self.sources(version, wishes).await? else { return Ok(None) };
        let mut loaded = Vec::with_capacity(wishes.len());
        for (wish, source) in wishes.iter().zip(sources) {
            let blocks = match source {
                Source::Cached(blocks) => blocks,
                Source::Whole(body) if is_replaced(&wish.key, &body) => return Ok(None),
                source => {
                    let blocks = decode(organization, wish, &source)?;
                    self.keep(version, wish, &blocks);
                    blocks
                }
            };
            loaded.push(blocks);
        }
        Ok(Some(loaded))
    }

    /// Reads the bytes for each wish, with at most three calls.
    async fn sources(&self, version: LogVersion, wishes: &[Wish]) -> Result<Option<Vec<Source>>, StoreError> {
        let (organization, _) = version;
        let mut sources: Vec<Option<Source>> =
            wishes.iter().map(|wish| self.cached(version, wish).map(Source::Cached)).collect();
        let mut layouts = HashMap::new();
        let mut first = Vec::new();
        for (index, wish) in wishes.iter().enumerate().filter(|(index, _)| sources[*index].is_none()) {
            let is_whole = wish.key.table == RunTable::Runs || wish.blocks.count_ones() >= WHOLE_FROM;
            match self.blocks.layouts.get(&(version, wish.key.first_sequence)).filter(|_| !is_whole) {
                Some(layout) => drop(layouts.insert(index, layout)),
                None => first.push((index, wish.range(0, if is_whole { usize::MAX } else { LAYOUT_LENGTH }))),
            }
        }
        let Some(bodies) = self.bodies(organization, &first).await? else { return Ok(None) };
        let mut unfinished = Vec::new();
        for ((index, range), body) in first.into_iter().zip(bodies) {
            let wish = &wishes[index];
            if range.length == usize::MAX {
                sources[index] = Some(Source::Whole(body));
                continue;
            }
            let header = parse_header(organization, &wish.key, &body)?;
            let dictionary = header.dictionary();
            match body.get(dictionary.clone()) {
                Some(bytes) => drop(layouts.insert(index, self.layout(version, wish, header, bytes)?)),
                None => unfinished.push((index, wish.range(dictionary.start, dictionary.len()), header)),
            }
        }
        let ranges: Vec<_> = unfinished.iter().map(|(index, range, _)| (*index, *range)).collect();
        let Some(bodies) = self.bodies(organization, &ranges).await? else { return Ok(None) };
        for ((index, _, header), bytes) in unfinished.into_iter().zip(bodies) {
            layouts.insert(index, self.layout(version, &wishes[index], header, &bytes)?);
        }
        let mut frames = Vec::new();
        for (index, wish) in wishes.iter().enumerate() {
            let Some(layout) = layouts.get(&index) else { continue };
            let ranges = wish.parts().map(|(block, _, _)| layout.header.block(block));
            frames.extend(ranges.map(|range| (index, wish.range(range.start, range.len()))));
        }
        let Some(bodies) = self.bodies(organization, &frames).await? else { return Ok(None) };
        for ((index, _), body) in frames.into_iter().zip(bodies) {
            match &mut sources[index] {
                Some(Source::Framed(_, frames)) => frames.push(body),
                source => *source = layouts.remove(&index).map(|layout| Source::Framed(layout, vec![body])),
            }
        }
        Ok(Some(sources.into_iter().map(|source| source.unwrap_or_else(|| Source::Cached(Vec::new()))).collect()))
    }

    async fn bodies(
        &self,
        organization: OrganizationId,
        ranges: &[(usize, BodyRange)],
    ) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        if ranges.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let ranges: Vec<BodyRange> = ranges.iter().map(|(_, range)| *range).collect();
        Ok(self.tables.bodies(organization, &ranges).await?.into_iter().collect())
    }

    fn cached(&self, version: LogVersion, wish: &Wish) -> Option<Vec<Arc<Block>>> {
        wish.parts().map(|(_, first, entries)| self.blocks.blocks.get(&(version, first, entries))).collect()
    }

    fn layout(
        &self,
        version: LogVersion,
        wish: &Wish,
        header: Header,
        bytes: &[u8],
    ) -> Result<Arc<Layout>, StoreError> {
        let dictionary = Dictionary::decode(&header, bytes).map_err(|fault| unreadable(version.0, &wish.key, fault))?;
        let layout = Arc::new(Layout { header, dictionary });
        let bytes = 4 * bytes.len() + size_of::<Layout>() + 2_000;
        self.blocks.layouts.insert((version, wish.key.first_sequence), Arc::clone(&layout), bytes);
        Ok(layout)
    }

    fn keep(&self, version: LogVersion, wish: &Wish, blocks: &[Arc<Block>]) {
        for block in blocks {
            let key = (version, block.first_sequence, block.entries.len());
            self.blocks.blocks.insert(key, Arc::clone(block), block.bytes());
        }
        if wish.key.table == RunTable::Segments && wish.blocks == ALL_BLOCKS {
            let ranges: IdRanges = blocks.iter().map(|block| block.id_range()).collect();
            let bytes = size_of_val(&*ranges) + 100;
            self.blocks.id_ranges.insert((version, wish.key.first_sequence), ranges, bytes);
        }
    }
}

fn decode(organization: OrganizationId, wish: &Wish, source: &Source) -> Result<Vec<Arc<Block>>, StoreError> {
    let fault = |fault| unreadable(organization, &wish.key, fault);
    let whole;
    let (layout, frames): (&Layout, Vec<&[u8]>) = match source {
        Source::Cached(blocks) => return Ok(blocks.clone()),
        Source::Framed(layout, frames) => (layout, frames.iter().map(Vec::as_slice).collect()),
        Source::Whole(body) => {
            let header = parse_header(organization, &wish.key, body)?;
            let frame = |range| body.get(range).unwrap_or_default();
            let dictionary = Dictionary::decode(&header, frame(header.dictionary())).map_err(fault)?;
            let frames = wish.parts().map(|(block, _, _)| frame(header.block(block))).collect();
            whole = Layout { header, dictionary };
            (&whole, frames)
        }
    };
    let Layout { header, dictionary } = layout;
    let mut blocks = Vec::with_capacity(frames.len());
    for ((block, first_sequence, _), frame) in wish.parts().zip(frames) {
        let entries = dictionary.decode_block_with_stubs(header, block, frame).map_err(fault)?;
        let before = header.anchors.get(block).map_or(Hash::ZERO, |anchor| anchor.before);
        blocks.push(Arc::new(Block::new(first_sequence, before, entries)));
    }
    Ok(blocks)
}

/// Parses the header of a run, which must be the one that its key says.
pub(crate) fn parse_header(organization: OrganizationId, key: &RunKey, body: &[u8]) -> Result<Header, StoreError> {
    let header = Header::parse(body).map_err(|fault| unreadable(organization, key, fault))?;
    let is_expected = header.organization == organization
        && header.first_sequence == key.first_sequence
        && header.entries as i64 == key.last_sequence - key.first_sequence + 1
        && header.anchors.len() == header.blocks();
    if is_expected { Ok(header) } else { Err(unreadable(organization, key, "it is another run")) }
}

/// The error of a run that can't be read.
pub(crate) fn unreadable(organization: OrganizationId, key: &RunKey, fault: impl std::fmt::Display) -> StoreError {
    let (first, last) = (key.first_sequence, key.last_sequence);
    StoreError::Corrupt(format!("the entries {first} to {last} of {organization} can't be read: {fault}").into())
}

/// Whether the body is that of a longer run, which has replaced the one with this key: both begin with the same entry.
pub(crate) fn is_replaced(key: &RunKey, body: &[u8]) -> bool {
    let entries = key.last_sequence - key.first_sequence + 1;
    let is_longer = |header: Header| header.first_sequence == key.first_sequence && header.entries as i64 > entries;
    key.table == RunTable::Runs && Header::parse(body).is_ok_and(is_longer)
}
