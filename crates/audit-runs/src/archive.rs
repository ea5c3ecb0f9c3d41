//! Objects of the archive: the segments of up to 65,536 entries, which are one tile of the tree, end to end; then a footer.
//!
//! | size | |
//! |---|---|
//! | … | the segments |
//! | 1 | version: 1 |
//! | 1 | number of segments, 1 to 16 |
//! | 36 for each | length of the segment (4, LE), SHA-256 of its bytes |
//! | 8,192 | the tile: the roots of 256 blocks |
//! | 2 | length of the note (LE), 0 if there is none |
//! | … | the note: a signed head of the tree, which may be larger than what is here |
//! | 4 | `NVAF` |
//! | 4 | length of the footer up to here (LE), with these 8 bytes |

use std::ops::Range;

use audit::Hash;
use kernel::OrganizationId;

use crate::{
    BLOCK_ENTRIES, MAX_ENTRIES,
    bytes::Reader,
    fault::{RunFault, ensure},
    header::Header,
};

const MAGIC: [u8; 4] = *b"NVAF";
const VERSION: u8 = 1;

/// The maximum number of segments of an object.
const MAX_SEGMENTS: usize = 16;

/// The number of hashes of the tile.
const TILE_HASHES: usize = 256;

/// The number of entries of a tile.
const TILE_ENTRIES: i64 = (TILE_HASHES * BLOCK_ENTRIES) as i64;

/// The maximum length of a note.
const MAX_NOTE: usize = 16 << 10;

/// The length of the part of a footer before the digests, and of that behind the note.
const FIXED: usize = 2 + 2 + 8;

/// An object of the archive, whose parts were checked against one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveObject<'a> {
    /// The organization of the entries.
    pub organization: OrganizationId,
    /// The sequence of the first entry.
    pub first_sequence: i64,
    /// The sequence of the last entry, the last one of a tile.
    pub last_sequence: i64,
    /// The segments, in the order of the chain.
    pub segments: Vec<ArchivedSegment<'a>>,
    /// The roots of the 256 blocks of the tile, also of those before the first entry.
    pub tile: Vec<Hash>,
    /// The text of a signed head of the tree.
    pub note: Option<&'a str>,
}

/// A segment in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedSegment<'a> {
    /// The range of its bytes in the object.
    pub range: Range<usize>,
    /// The bytes: a run.
    pub body: &'a [u8],
    /// The header of the run.
    pub header: Header,
    /// The SHA-256 that the bytes must have: [`ArchiveObject::parse`] does not compare it.
    pub digest: Hash,
}

impl ArchivedSegment<'_> {
    /// The sequence of the last entry.
    #[must_use]
    pub fn last_sequence(&self) -> i64 {
        last_sequence(&self.header)
    }
}

impl<'a> ArchiveObject<'a> {
    /// The maximum length of an object. Segments that are longer together are not archived.
    pub const MAX_LENGTH: usize = 256 << 20;

    /// The number of entries of a whole object.
    pub const ENTRIES: i64 = TILE_ENTRIES;

    /// Encodes an object.
    ///
    /// # Errors
    /// [`RunFault`] if these are not consecutive segments up to the end of a tile, or the object would be too long.
    pub fn encode(segments: &[Vec<u8>], tile: &[Hash], note: Option<&str>) -> Result<Vec<u8>, RunFault> {
        let note = note.unwrap_or_default();
        let length = segments.iter().fold(0_usize, |length, segment| length.saturating_add(segment.len()));
        ensure(length <= Self::MAX_LENGTH / 2, "the segments are too long for an object")?;
        ensure(segments.len() <= MAX_SEGMENTS, "an object has too many segments")?;
        ensure(note.len() <= MAX_NOTE, "the note is too long")?;
        let mut bytes = Vec::with_capacity(length + FIXED + 36 * segments.len() + 32 * tile.len() + note.len());

        for segment in segments {
            bytes.extend_from_slice(segment);
        }
        bytes.extend_from_slice(&[VERSION, segments.len() as u8]);
        for segment in segments {
            bytes.extend_from_slice(&(segment.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&Hash::digest(segment).0);
        }
        tile.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes.extend_from_slice(&(note.len() as u16).to_le_bytes());
        bytes.extend_from_slice(note.as_bytes());
        bytes.extend_from_slice(&MAGIC);
        let footer = bytes.len() - length + 4;
        bytes.extend_from_slice(&(footer as u32).to_le_bytes());
        ArchiveObject::parse(&bytes)?;
        Ok(bytes)
    }

    /// Parses an object. The digests are not compared, so that whoever reads on can say which segments have others.
    ///
    /// # Errors
    /// [`RunFault`] if it is not an object, or its parts do not belong to one another.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RunFault> {
        ensure(bytes.len() <= Self::MAX_LENGTH, "the object is too long")?;
        let tail = bytes.len().checked_sub(8).ok_or_else(|| RunFault::new("the object has no footer"))?;
        let mut reader = Reader::new(&bytes[tail..]);
        ensure(reader.array()? == MAGIC, "the object has no footer, or was cut")?;
        let length = u32::from_le_bytes(reader.array()?) as usize;
        let start = bytes.len().checked_sub(length).filter(|start| *start <= tail);
        let start = start.ok_or_else(|| RunFault::new("the footer has a wrong length"))?;

        let mut reader = Reader::new(&bytes[start..tail]);
        ensure(reader.byte()? == VERSION, "the object is of a later version")?;
        let count = usize::from(reader.byte()?);
        ensure((1..=MAX_SEGMENTS).contains(&count), "the object has a wrong number of segments")?;
        let mut segments = Vec::with_capacity(count);
        let mut offset = 0;
        for _ in 0..count {
            let end = offset + u32::from_le_bytes(reader.array()?) as usize;
            let digest = Hash(reader.array()?);
            ensure(end <= start, "a segment is longer than the object")?;
            let body = &bytes[offset..end];
            let number = segments.len() + 1;
            let header =
                Header::parse(body).map_err(|fault| RunFault(format!("segment {number} of {count}: {fault}")))?;
            ensure(header.length() == body.len(), "a segment has not the length that its header states")?;
            segments.push(ArchivedSegment { range: offset..end, body, header, digest });
            offset = end;
        }
        ensure(offset == start, "there are bytes between the segments and the footer")?;
        let tile = (0..TILE_HASHES).map(|_| reader.array().map(Hash)).collect::<Result<Vec<Hash>, _>>()?;
        let note_length = usize::from(u16::from_le_bytes(reader.array()?));
        ensure(note_length <= MAX_NOTE, "the note is too long")?;
        let note = str::from_utf8(reader.take(note_length)?).map_err(|_| RunFault::new("the note is not UTF-8"))?;
        reader.finish()?;

        let (first, last) = (&segments[0].header, &segments[count - 1].header);
        let object = Self {
            organization: first.organization,
            first_sequence: first.first_sequence,
            last_sequence: last_sequence(last),
            segments,
            tile,
            note: (!note.is_empty()).then_some(note),
        };
        object.check()?;
        Ok(object)
    }

    /// Requires that the segments follow one another up to the end of the tile, and have the roots of the tile.
    fn check(&self) -> Result<(), RunFault> {
        let mut next = self.first_sequence;
        ensure(next > 0 && self.last_sequence % TILE_ENTRIES == 0, "the object does not end with a tile")?;
        let tile_start = self.last_sequence - TILE_ENTRIES + 1;
        ensure(next >= tile_start, "the object has entries of another tile")?;
        for ArchivedSegment { header, .. } in &self.segments {
            ensure(header.organization == self.organization, "a segment is of another organization")?;
            ensure(header.first_sequence == next && header.entries > 0, "the segments do not follow one another")?;
            next += header.entries as i64;
            ensure((next - 1) % MAX_ENTRIES as i64 == 0, "a segment is not whole")?;
            for (block, anchor) in header.anchors.iter().enumerate() {
                let sequences = header.sequences(block);
                // The root of a block whose first entries were removed is not the node of the tree.
                let is_whole = sequences.end - sequences.start == BLOCK_ENTRIES as i64;
                let index = (sequences.start - tile_start) as usize / BLOCK_ENTRIES;
                if is_whole && self.tile.get(index) != Some(&anchor.root) {
                    let (first, last) = (sequences.start, sequences.end - 1);
                    return Err(RunFault(format!("the tile has another root for the sequences {first} to {last}")));
                }
            }
        }
        Ok(())
    }
}

fn last_sequence(header: &Header) -> i64 {
    header.first_sequence + header.entries as i64 - 1
}
