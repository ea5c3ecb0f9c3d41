//! The index of actions, actors and subjects: the blocks that may have an entry that is searched for.

use std::{
    collections::BTreeSet,
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use audit::tables::{RunKey, RunTable, TermQuery};
use audit_runs::{BLOCK_ENTRIES, Fingerprint, MAX_ENTRIES, SegmentTerms, merged_blocks};
use kernel::StoreError;

use super::{blocks::ALL_BLOCKS, reader::Reader, view::View};
use crate::blocks::{GROUP_ENTRIES, GROUP_SEGMENTS, SEGMENT_ENTRIES, blocks_before, end_of, group_of};

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
        let near =
            |unit: usize, start: usize| group(view.key(unit)).abs_diff(group(view.key(start))) < GROUPS.unsigned_abs();
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
            for (((unit, blocks), indexed), merged) in found.iter_mut().zip(&indexed).zip(merged) {
                *blocks &= match indexed {
                    Indexed::Single(terms) => {
                        let found = set.iter().fold(0, |blocks, term| blocks | terms.blocks(*term));
                        found >> counted_before(view.key(*unit))
                    }
                    Indexed::Merged => merged,
                    Indexed::Unknown => ALL_BLOCKS,
                };
            }
        }
        found.retain(|(_, blocks)| *blocks != 0);
        Ok(found)
    }

    /// Returns where the fingerprints of each unit are. Those of single segments are read first, because they only become
    /// merged, all of a group at once. A segment that has neither a row of its own nor a merged group is searched whole:
    /// who deletes rows of the index hides nothing.
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
                self.terms.get(organization, key).map_or(Indexed::Unknown, Indexed::Single)
            })
            .collect();
        let missing: Vec<usize> = units
            .clone()
            .zip(&indexed)
            .filter(|(unit, indexed)| {
                matches!(indexed, Indexed::Unknown) && view.key(*unit).table == RunTable::Segments
            })
            .map(|(unit, _)| unit)
            .collect();
        let (Some(first), Some(last)) = (missing.first(), missing.last()) else { return Ok(indexed) };
        let groups = group(view.key(*first))..=group(view.key(*last));
        let unmerged = self.read_single_terms(view, groups.clone(), &units, &mut indexed).await?;
        let is_merged =
            |group: i64| view.segment_ending_at((group + 1) * GROUP_ENTRIES).is_some() && !unmerged.contains(&group);
        for unit in &missing {
            let indexed = &mut indexed[unit - units.start];
            if matches!(indexed, Indexed::Unknown) && is_merged(group(view.key(*unit))) {
                *indexed = Indexed::Merged;
            }
        }
        // The groups before are known to be merged, or were removed.
        let is_next = *first == 0 || view.key(first - 1).first_sequence < merged_before;
        if is_next && view.old_through() == 0 {
            let merged = groups.take_while(|group| is_merged(*group)).last();
            merged.into_iter().for_each(|group| {
                self.terms.set_merged_before(organization, (group + 1) * GROUP_ENTRIES + 1);
            });
        }
        Ok(indexed)
    }

    /// Reads the rows of single segments of these groups. Returns the groups that have one.
    async fn read_single_terms(
        &self,
        view: &View,
        groups: RangeInclusive<i64>,
        units: &Range<usize>,
        indexed: &mut [Indexed],
    ) -> Result<BTreeSet<i64>, StoreError> {
        let organization = view.organization;
        let (mut from, before) = (groups.start() * GROUP_ENTRIES + 1, (groups.end() + 1) * GROUP_ENTRIES + 1);
        let mut unmerged = BTreeSet::new();
        loop {
            let query = TermQuery { bucket: -1, from, before, downwards: false, limit: GROUP_SEGMENTS };
            let rows = self.tables.terms(organization, &query).await?;
            for row in &rows {
                from = row.first_sequence + 1;
                unmerged.insert(group_of(row.first_sequence));
                let unit = view.segment_ending_at(end_of(row.first_sequence, SEGMENT_ENTRIES));
                let Some(unit) = unit.filter(|unit| units.contains(unit)) else { continue };
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
            if rows.len() < GROUP_SEGMENTS {
                return Ok(unmerged);
            }
        }
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
        let from = group_of(*sequences.start()) * GROUP_ENTRIES + 1;
        let limit = usize::try_from(2 * GROUPS).unwrap_or_default();
        let query =
            TermQuery { bucket: fingerprint.bucket(), from, before: sequences.end() + 1, downwards: false, limit };
        for row in self.tables.terms(view.organization, &query).await? {
            let blocks = merged_blocks(&row.body, fingerprint).map_err(|fault| {
                let (organization, sequence) = (view.organization, row.first_sequence);
                StoreError::Corrupt(format!("the index of {organization} at {sequence} can't be read: {fault}").into())
            })?;
            for block in blocks {
                let last = row.first_sequence - 1 + (i64::from(block / 16) + 1) * SEGMENT_ENTRIES;
                if let Some(unit) = view.segment_ending_at(last).filter(|unit| units.contains(unit)) {
                    found[unit - units.start] |= (1 << (block % 16)) >> counted_before(view.key(unit));
                }
            }
        }
        Ok(())
    }
}

const _: () = assert!(MAX_ENTRIES == 16 * BLOCK_ENTRIES);

/// The number of the group of segments that a segment belongs to.
fn group(key: &RunKey) -> i64 {
    group_of(key.last_sequence)
}

/// The number of blocks that the index counts before those of a unit.
fn counted_before(key: &RunKey) -> u32 {
    if key.table == RunTable::Segments { blocks_before(key.first_sequence) } else { 0 }
}

/// Where the fingerprints of a unit are.
enum Indexed {
    /// In a row of its own, or computed from a run's entries.
    Single(Arc<SegmentTerms>),
    /// In merged rows.
    Merged,
    /// Nowhere: the unit is a run, or rows were deleted.
    Unknown,
}
