//! The index of actions, actors and subjects: the blocks that may have an entry that is searched for.

use std::{ops::Range, sync::Arc};

use audit::tables::{RunTable, TermQuery};
use audit_runs::{BLOCK_ENTRIES, Fingerprint, MAX_ENTRIES, SegmentTerms, merged_blocks};
use kernel::StoreError;

use super::{blocks::ALL_BLOCKS, reader::Reader, view::View};

/// The number of segments whose rows of the index are merged.
const GROUP_SEGMENTS: i64 = 256;

/// The number of entries of a group of segments, whose first sequence is one more than a multiple of it.
const GROUP_ENTRIES: i64 = GROUP_SEGMENTS * MAX_ENTRIES as i64;

/// The number of groups that are searched at a time.
const GROUPS: i64 = 64;

/// The bytes that a fingerprint takes in memory for each byte in its row, about.
const EXPANSION: usize = 4;

/// The fingerprints that are searched for: an entry has one of each set.
pub(crate) type TermSets = [Vec<Fingerprint>];

impl Reader {
    /// Returns the units at the start or end of this range that can be searched at once.
    pub(crate) fn searchable(view: &View, units: Range<usize>, from_end: bool) -> Range<usize> {
        let tail = view.tail_start();
        let group = |unit: usize| (view.key(unit).first_sequence - 1).div_euclid(GROUP_ENTRIES);
        let near = |unit: usize, start: usize| group(unit).abs_diff(group(start)) < GROUPS.unsigned_abs();
        if from_end {
            let last = units.end - 1;
            if last >= tail {
                return tail.max(units.start)..units.end;
            }
            let start = view.partition_point(|unit| unit < last && !near(unit, last));
            start.max(units.start)..units.end
        } else if units.start >= tail {
            units
        } else {
            let start = units.start;
            let end = view.partition_point(|unit| unit < tail && (unit < start || near(unit, start)));
            start..end.min(units.end)
        }
    }

    /// Returns the units among these that may have an entry that is searched for, each with the blocks.
    pub(crate) async fn candidates(
        &self,
        view: &View,
        units: Range<usize>,
        terms: &TermSets,
    ) -> Result<Vec<(usize, u16)>, StoreError> {
        let mut found: Vec<(usize, u16)> = units.clone().map(|unit| (unit, ALL_BLOCKS)).collect();
        if terms.is_empty() {
            return Ok(found);
        }
        let indexed = self.segment_terms(view, units.clone()).await?;
        for set in terms {
            let mut merged = vec![0; units.len()];
            if found.iter().zip(&indexed).any(|((_, blocks), terms)| *blocks != 0 && matches!(terms, Indexed::Merged)) {
                for fingerprint in set {
                    self.search_merged(view, units.clone(), *fingerprint, &mut merged).await?;
                }
            }
            for (((_, blocks), indexed), merged) in found.iter_mut().zip(&indexed).zip(merged) {
                *blocks &= match indexed {
                    Indexed::Single(terms) => set.iter().fold(0, |blocks, term| blocks | terms.blocks(*term)),
                    Indexed::Merged => merged,
                    Indexed::Unknown => ALL_BLOCKS,
                };
            }
        }
        found.retain(|(_, blocks)| *blocks != 0);
        Ok(found)
    }

    /// Returns where the fingerprints of each unit are. Those of single segments are read first, because they only become
    /// merged.
    async fn segment_terms(&self, view: &View, units: Range<usize>) -> Result<Vec<Indexed>, StoreError> {
        let organization = view.organization;
        let merged_before = self.terms.merged_before(organization);
        let mut indexed: Vec<Indexed> = units
            .clone()
            .map(|unit| {
                let key = view.key(unit);
                if key.table == RunTable::Segments && key.first_sequence < merged_before {
                    return Indexed::Merged;
                }
                match self.terms.get(organization, key) {
                    Some(terms) => Indexed::Single(terms),
                    None if key.table == RunTable::Segments => Indexed::Merged,
                    None => Indexed::Unknown,
                }
            })
            .collect();
        let is_missing = |unit: usize, indexed: &[Indexed]| {
            matches!(indexed[unit - units.start], Indexed::Merged) && view.key(unit).first_sequence >= merged_before
        };
        let Some(first) = units.clone().find(|unit| is_missing(*unit, &indexed)) else { return Ok(indexed) };
        let Some(last) = units.clone().rev().find(|unit| is_missing(*unit, &indexed)) else { return Ok(indexed) };
        let (mut from, before) = (view.key(first).first_sequence, view.key(last).first_sequence + 1);
        let mut first_single = None;
        loop {
            let limit = usize::try_from(GROUP_SEGMENTS).unwrap_or_default();
            let query = TermQuery { bucket: -1, from, before, downwards: false, limit };
            let rows = self.tables.terms(organization, &query).await?;
            for row in &rows {
                first_single = first_single.or(Some(row.first_sequence));
                from = row.first_sequence + 1;
                let Some(unit) = view.segment_at(row.first_sequence).filter(|unit| units.contains(unit)) else {
                    continue;
                };
                let terms = SegmentTerms::decode(&row.body).map_err(|fault| {
                    let sequence = row.first_sequence;
                    StoreError::Corrupt(
                        format!("the index of {organization} at {sequence} can't be read: {fault}").into(),
                    )
                })?;
                let terms = Arc::new(terms);
                self.terms.insert(organization, view.key(unit), Arc::clone(&terms), 100 + EXPANSION * row.body.len());
                indexed[unit - units.start] = Indexed::Single(terms);
            }
            if rows.len() < limit {
                break;
            }
        }
        // Those before the first single one are merged, unless single ones before them are in the cache.
        let is_next = first == 0 || view.key(first - 1).first_sequence < merged_before;
        if is_next && view.old_through() == 0 {
            let merged = first_single.unwrap_or_else(|| view.key(last).last_sequence + 1);
            self.terms.set_merged_before(organization, merged);
        }
        Ok(indexed)
    }

    /// Adds the blocks of units that may have the term of this fingerprint, of which the rows of the index are merged.
    async fn search_merged(
        &self,
        view: &View,
        units: Range<usize>,
        fingerprint: Fingerprint,
        found: &mut [u16],
    ) -> Result<(), StoreError> {
        let sequences = view.key(units.start).first_sequence..=view.key(units.end - 1).first_sequence;
        let from = (sequences.start() - 1).div_euclid(GROUP_ENTRIES) * GROUP_ENTRIES + 1;
        let limit = usize::try_from(2 * GROUPS).unwrap_or_default();
        let query =
            TermQuery { bucket: fingerprint.bucket(), from, before: sequences.end() + 1, downwards: false, limit };
        for row in self.tables.terms(view.organization, &query).await? {
            let blocks = merged_blocks(&row.body, fingerprint).map_err(|fault| {
                let (organization, sequence) = (view.organization, row.first_sequence);
                StoreError::Corrupt(format!("the index of {organization} at {sequence} can't be read: {fault}").into())
            })?;
            for block in blocks {
                let first = row.first_sequence + i64::from(block / 16) * MAX_ENTRIES as i64;
                if let Some(unit) = view.segment_at(first).filter(|unit| units.contains(unit)) {
                    found[unit - units.start] |= 1 << (block % 16);
                }
            }
        }
        Ok(())
    }
}

const _: () = assert!(MAX_ENTRIES == 16 * BLOCK_ENTRIES);

/// Where the fingerprints of a unit are.
enum Indexed {
    /// In a row of its own, or computed from a run's entries.
    Single(Arc<SegmentTerms>),
    /// In merged rows.
    Merged,
    /// Nowhere: the unit is a run.
    Unknown,
}
