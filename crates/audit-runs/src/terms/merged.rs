//! The fingerprints of up to 256 consecutive segments, in rows by bucket.
//!
//! The form of a row: 2; the number of fingerprints as a varint; then bits, for each in ascending order: the difference
//! of its upper 17 bits within the bucket to those before less one (the first: themselves) as a Rice code; the number of its blocks less
//! one as a Rice code without low bits for one to three, else three ones and 12 bits; the blocks, as differences like
//! those of fingerprints.

use super::{Fingerprint, SegmentTerms, WITHIN_BUCKET};
use crate::{
    bits::{BitReader, BitWriter, low_bits},
    bytes::{Reader, put_varint},
    fault::{RunFault, ensure},
    header::MAX_BLOCKS,
};

const FORM: u8 = 2;

/// The maximum number of segments that are merged.
const MAX_SEGMENTS: usize = 256;

/// The number of bits that are kept of the 21 of a fingerprint within its bucket. With 500 fingerprints in a row, one of 250
/// terms that are in no block costs the look at one.
const KEPT_BITS: u32 = 17;

/// The number of bits of the number of a block.
const BLOCK_BITS: u32 = 12;

/// The number of blocks of a term that is stored with fewer bits than [`BLOCK_BITS`].
const FEW_BLOCKS: u64 = 3;

/// Merges the fingerprints of up to 256 consecutive segments into rows by bucket, without those that would be empty.
///
/// # Panics
/// If there are more segments.
#[must_use]
pub fn merge_terms(segments: &[SegmentTerms]) -> Vec<(i64, Vec<u8>)> {
    assert!(segments.len() <= MAX_SEGMENTS, "at most 256 segments are merged");
    let mut pairs = Vec::<(u32, u16)>::new();
    for (first, terms) in (0_u16..).step_by(MAX_BLOCKS).zip(segments) {
        for (fingerprint, blocks) in terms.fingerprints.iter().zip(&terms.blocks) {
            let is_in = |block: &u16| blocks >> block & 1 == 1;
            pairs.extend((0..MAX_BLOCKS as u16).filter(is_in).map(|block| (kept(*fingerprint), first + block)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let buckets = pairs.chunk_by(|(a, _), (b, _)| a >> KEPT_BITS == b >> KEPT_BITS);
    buckets.map(|bucket| (i64::from(bucket[0].0 >> KEPT_BITS), encode_bucket(bucket))).collect()
}

/// The bucket of a fingerprint and the bits that are kept.
fn kept(fingerprint: Fingerprint) -> u32 {
    fingerprint.0 >> (WITHIN_BUCKET - KEPT_BITS)
}

fn within_bucket(kept: u32) -> u64 {
    u64::from(kept & ((1 << KEPT_BITS) - 1))
}

fn encode_bucket(pairs: &[(u32, u16)]) -> Vec<u8> {
    let terms: Vec<&[(u32, u16)]> = pairs.chunk_by(|(a, _), (b, _)| a == b).collect();
    let mut bytes = vec![FORM];
    put_varint(&mut bytes, terms.len() as u64);
    let mut bits = BitWriter::default();
    let mut next = 0;
    for blocks in &terms {
        let within = within_bucket(blocks[0].0);
        bits.put_rice(within - next, low_bits(terms.len() as u64, KEPT_BITS));
        next = within + 1;
        let others = blocks.len() as u64 - 1;
        if others < FEW_BLOCKS {
            bits.put_rice(others, 0);
        } else {
            bits.put((1 << FEW_BLOCKS) - 1, FEW_BLOCKS as u32);
            bits.put(others, BLOCK_BITS);
        }
        let mut next = 0;
        for (_, block) in *blocks {
            bits.put_rice(u64::from(*block) - next, low_bits(blocks.len() as u64, BLOCK_BITS));
            next = u64::from(*block) + 1;
        }
    }
    bytes.append(&mut bits.finish());
    bytes
}

/// Returns the blocks, counted from the first of the first segment (0 to 4,095), that may contain a term, from a merged
/// row of its bucket, in order.
///
/// # Errors
/// [`RunFault`] if the bytes are not a merged row.
pub fn merged_blocks(row: &[u8], fingerprint: Fingerprint) -> Result<Vec<u16>, RunFault> {
    let mut row = MergedRow::open(row)?;
    let wanted = within_bucket(kept(fingerprint));
    while let Some(within) = row.next_term()? {
        if within > wanted {
            break;
        }
        let blocks = row.blocks(within == wanted)?;
        if within == wanted {
            return Ok(blocks);
        }
    }
    Ok(Vec::new())
}

/// Returns whether a merged row has every block of each term of another one of the same bucket.
///
/// # Errors
/// [`RunFault`] if the bytes are not merged rows.
pub fn merged_row_contains(row: &[u8], others: &[u8]) -> Result<bool, RunFault> {
    if row == others {
        return Ok(true);
    }
    let (mut row, mut others) = (MergedRow::open(row)?, MergedRow::open(others)?);
    while let Some(wanted) = others.next_term()? {
        let blocks = others.blocks(true)?;
        let found = loop {
            match row.next_term()? {
                Some(within) if within < wanted => drop(row.blocks(false)?),
                Some(within) if within == wanted => break row.blocks(true)?,
                _ => return Ok(false),
            }
        };
        if !blocks.iter().all(|block| found.binary_search(block).is_ok()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A merged row that is read term by term.
struct MergedRow<'row> {
    bits: BitReader<'row>,
    count: u64,
    read: u64,
    /// The least value of the next term.
    next: u64,
}

impl<'row> MergedRow<'row> {
    fn open(row: &'row [u8]) -> Result<Self, RunFault> {
        let mut reader = Reader::new(row);
        ensure(reader.byte()? == FORM, "the row of the index is of a later version")?;
        let count = reader.varint()?;
        ensure(count <= 1 << KEPT_BITS, "the row of the index has too many fingerprints")?;
        Ok(Self { bits: BitReader::new(reader.take(reader.remaining())?), count, read: 0, next: 0 })
    }

    /// Reads the kept bits of the next term within the bucket. Its blocks have to be read next.
    fn next_term(&mut self) -> Result<Option<u64>, RunFault> {
        if self.read == self.count {
            return Ok(None);
        }
        let within = self.next + self.bits.rice(low_bits(self.count, KEPT_BITS))?;
        (self.read, self.next) = (self.read + 1, within + 1);
        Ok(Some(within))
    }

    fn blocks(&mut self, is_wanted: bool) -> Result<Vec<u16>, RunFault> {
        read_blocks(&mut self.bits, is_wanted)
    }
}

/// Reads the blocks of a term; those that are not wanted are passed over.
fn read_blocks(bits: &mut BitReader<'_>, is_wanted: bool) -> Result<Vec<u16>, RunFault> {
    let mut others = 0;
    while others < FEW_BLOCKS && bits.bits(1)? == 1 {
        others += 1;
    }
    if others == FEW_BLOCKS {
        others = bits.bits(BLOCK_BITS)?;
    }
    let low = low_bits(others + 1, BLOCK_BITS);
    let mut blocks = Vec::new();
    let mut next = 0;
    for _ in 0..=others {
        let block = next + bits.rice(low)?;
        ensure(block < 1 << BLOCK_BITS, "the number of a block is too large")?;
        next = block + 1;
        if is_wanted {
            blocks.push(block as u16);
        }
    }
    Ok(blocks)
}
