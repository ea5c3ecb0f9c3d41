//! The fingerprints of one segment: a row of the index with the bucket -1.
//!
//! The form: 1; the number of fingerprints as a varint; then bits, for each in ascending order: the difference to the one
//! before less one (the first: itself) as a Rice code; 0 and the number of its only block in 4 bits, or 1 and a bit for
//! each of 16 blocks.

use std::{collections::HashMap, iter::repeat_n};

use kernel::Entry;

use super::{Fingerprint, TermKind};
use crate::{
    BLOCK_ENTRIES,
    bits::{BitReader, BitWriter, low_bits},
    bytes::{Reader, put_varint},
    fault::{RunFault, ensure},
};

const FORM: u8 = 1;

/// The maximum number of terms of an entry.
const TERMS_PER_ENTRY: usize = 4;

/// The fingerprints of the blocks of one segment: of a row of the index with the bucket -1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentTerms {
    /// Ascending.
    pub(super) fingerprints: Box<[Fingerprint]>,
    /// For each of them its blocks.
    pub(super) blocks: Box<[u16]>,
}

impl SegmentTerms {
    /// Collects the fingerprints of the entries of a segment, in their order.
    ///
    /// # Panics
    /// If there are more than 4,096 entries.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        Self::collect(entries.iter().map(Some))
    }

    /// Collects the fingerprints of the entries of a segment before whose first one there were others, which were removed.
    /// `None` stands for a stub, which has none.
    ///
    /// # Panics
    /// If there are more than 4,096 with those that were removed.
    #[must_use]
    pub fn after_removed<'a>(removed: usize, entries: impl Iterator<Item = Option<&'a Entry>>) -> Self {
        Self::collect(repeat_n(None, removed).chain(entries))
    }

    /// Returns whether these have every block of each fingerprint that the others have.
    #[must_use]
    pub fn contains_all(&self, others: &Self) -> bool {
        let mut terms = others.fingerprints.iter().zip(&others.blocks);
        terms.all(|(fingerprint, blocks)| blocks & !self.blocks(*fingerprint) == 0)
    }

    fn collect<'a>(entries: impl Iterator<Item = Option<&'a Entry>>) -> Self {
        let mut terms = HashMap::<(TermKind, &str), u16>::new();
        for (index, entry) in entries.enumerate() {
            let Some(entry) = entry else { continue };
            let bit = 1_u16 << (index / BLOCK_ENTRIES);
            let mut add = |kind, term| *terms.entry((kind, term)).or_default() |= bit;
            add(TermKind::Action, entry.action.as_str());
            if let Some(actor) = &entry.actor.id {
                add(TermKind::Actor, actor);
            }
            if let Some(subject) = &entry.subject {
                add(TermKind::Subject, &subject.id);
                if !entry.changes.is_empty() {
                    add(TermKind::ChangedSubject, &subject.id);
                }
            }
        }
        let mut pairs: Vec<(Fingerprint, u16)> =
            terms.into_iter().map(|((kind, term), blocks)| (Fingerprint::of(kind, term), blocks)).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            kept.1 |= if is_same { later.1 } else { 0 };
            is_same
        });
        let (fingerprints, blocks): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        Self { fingerprints: fingerprints.into(), blocks: blocks.into() }
    }

    /// Encodes them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        put_varint(&mut bytes, self.fingerprints.len() as u64);
        let low = low_bits(self.fingerprints.len() as u64, u32::BITS);
        let mut bits = BitWriter::default();
        let mut next = 0;
        for (fingerprint, blocks) in self.fingerprints.iter().zip(&self.blocks) {
            bits.put_rice(u64::from(fingerprint.0) - next, low);
            next = u64::from(fingerprint.0) + 1;
            if blocks.count_ones() == 1 {
                bits.put(0, 1);
                bits.put(u64::from(blocks.trailing_zeros()), 4);
            } else {
                bits.put(1, 1);
                bits.put(u64::from(*blocks), 16);
            }
        }
        bytes.append(&mut bits.finish());
        bytes
    }

    /// Decodes them.
    ///
    /// # Errors
    /// [`RunFault`] if the bytes are not fingerprints of a segment.
    pub fn decode(bytes: &[u8]) -> Result<Self, RunFault> {
        let mut reader = Reader::new(bytes);
        ensure(reader.byte()? == FORM, "the fingerprints of the segment are of a later version")?;
        let count = reader.varint()?;
        ensure(count <= (TERMS_PER_ENTRY * crate::MAX_ENTRIES) as u64, "the segment has too many fingerprints")?;
        let low = low_bits(count, u32::BITS);
        let mut bits = BitReader::new(reader.take(reader.remaining())?);
        let mut fingerprints = Vec::with_capacity(count as usize);
        let mut blocks = Vec::with_capacity(count as usize);
        let mut next = 0;
        for _ in 0..count {
            let fingerprint = u32::try_from(next + bits.rice(low)?);
            let fingerprint = fingerprint.map_err(|_| RunFault::new("a fingerprint is too large"))?;
            next = u64::from(fingerprint) + 1;
            fingerprints.push(Fingerprint(fingerprint));
            blocks.push(if bits.bits(1)? == 0 { 1 << bits.bits(4)? } else { bits.bits(16)? as u16 });
        }
        ensure(bits.is_finished(), "there are bytes behind the fingerprints of the segment")?;
        Ok(Self { fingerprints: fingerprints.into(), blocks: blocks.into() })
    }

    /// The blocks, from 0 to 15, that may contain a term: a bit for each.
    #[must_use]
    pub fn blocks(&self, fingerprint: Fingerprint) -> u16 {
        self.fingerprints.binary_search(&fingerprint).map_or(0, |index| self.blocks[index])
    }
}
