//! The state of a log as a request finds it: the head, and the keys of all runs and segments.

use std::sync::Arc;

use audit::tables::{RunKey, RunTable, StoredHead};
use kernel::{OrganizationId, Ulid};

use super::{block_cache::LogVersion, directory::Directory};

/// The state of a log as a request finds it. Its *units* are the segments and runs in the order of the chain, by index.
pub(crate) struct View {
    pub(crate) organization: OrganizationId,
    pub(crate) head: Option<StoredHead>,
    directory: Arc<Directory>,
    /// The segments that are units.
    segments: std::ops::Range<usize>,
    /// The units after them.
    tail: Vec<RunKey>,
    /// For each unit of the tail, the smallest identifier in it and all later ones.
    tail_low_ids: Vec<Ulid>,
}

impl View {
    /// Puts together what was read: the runs, which may be in a segment by now, before the segments.
    pub(crate) fn new(
        organization: OrganizationId,
        runs: Vec<RunKey>,
        head: Option<StoredHead>,
        directory: Arc<Directory>,
    ) -> Self {
        let (removed, old_through) = head.as_ref().map_or((0, 0), |head| (head.removed.sequence, head.old_through));
        let start = removed.max(old_through);
        let exists = |run: &RunKey| run.last_sequence > start;
        let first = directory.keys.partition_point(|segment| !exists(segment));
        let is_moved = |run: &RunKey| directory.find(run.first_sequence).is_some();
        let mut tail: Vec<RunKey> = runs.into_iter().filter(|run| exists(run) && !is_moved(run)).collect();
        // Normally all segments come before all runs. A segment of which a block can't be read stays behind, though.
        let first_run = tail.first().map_or(i64::MAX, |run| run.first_sequence);
        let end = directory.keys.partition_point(|segment| segment.first_sequence < first_run).max(first);
        tail.extend_from_slice(&directory.keys[end..]);
        tail.sort_unstable_by_key(|run| run.first_sequence);
        let mut low = Ulid::max();
        let mut tail_low_ids: Vec<Ulid> = tail
            .iter()
            .rev()
            .map(|run| {
                low = low.min(run.first_id);
                low
            })
            .collect();
        tail_low_ids.reverse();
        Self { organization, head, directory, segments: first..end, tail, tail_low_ids }
    }

    /// The version of the log.
    pub(crate) fn version(&self) -> LogVersion {
        (self.organization, self.head.as_ref().map_or(0, |head| head.redacted))
    }

    /// The sequence of the last entry that was removed from the start.
    pub(crate) fn removed(&self) -> i64 {
        self.head.as_ref().map_or(0, |head| head.removed.sequence)
    }

    /// The sequence up to which entries are read in the old form.
    pub(crate) fn old_through(&self) -> i64 {
        self.head.as_ref().map_or(0, |head| head.old_through)
    }

    /// The number of units.
    pub(crate) fn len(&self) -> usize {
        self.segments.len() + self.tail.len()
    }

    /// The index of the first unit behind those of which all are segments.
    pub(crate) fn tail_start(&self) -> usize {
        self.segments.len()
    }

    /// The key of a unit.
    pub(crate) fn key(&self, unit: usize) -> &RunKey {
        match unit.checked_sub(self.segments.len()) {
            Some(in_tail) => &self.tail[in_tail],
            None => &self.directory.keys[self.segments.start + unit],
        }
    }

    /// The greatest identifier in this unit and all earlier ones.
    pub(crate) fn high(&self, unit: usize) -> Ulid {
        self.key(unit).high_id
    }

    /// A bound below the identifiers in this unit and all later ones.
    pub(crate) fn low(&self, unit: usize) -> Ulid {
        match unit.checked_sub(self.segments.len()) {
            Some(in_tail) => self.tail_low_ids[in_tail],
            None => {
                let low = self.directory.low_ids[self.segments.start + unit];
                self.tail_low_ids.first().map_or(low, |tail| low.min(*tail))
            }
        }
    }

    /// The first unit, or the number of units, for which this doesn't hold, of which it holds for all before.
    pub(crate) fn partition_point(&self, holds: impl Fn(usize) -> bool) -> usize {
        let (mut start, mut end) = (0, self.len());
        while start < end {
            let middle = start.midpoint(end);
            if holds(middle) { start = middle + 1 } else { end = middle }
        }
        start
    }

    /// The first unit that ends at or after this sequence.
    pub(crate) fn unit_at(&self, sequence: i64) -> usize {
        self.partition_point(|unit| self.key(unit).last_sequence < sequence)
    }

    /// The segment that ends with this sequence. It may begin late, if entries before it were removed.
    pub(crate) fn segment_ending_at(&self, last_sequence: i64) -> Option<usize> {
        let unit = self.unit_at(last_sequence);
        (unit < self.len())
            .then(|| self.key(unit))
            .filter(|key| key.last_sequence == last_sequence && key.table == RunTable::Segments)?;
        Some(unit)
    }

    /// The sequence of the last entry in a unit.
    pub(crate) fn last_sequence(&self) -> i64 {
        match self.len() {
            0 => self.removed().max(self.old_through()),
            units => self.key(units - 1).last_sequence,
        }
    }

    /// Whether an entry before the last one is in no unit.
    pub(crate) fn has_gap(&self) -> bool {
        let mut expected = self.removed().max(self.old_through()) + 1;
        (0..self.len()).any(|unit| {
            let key = self.key(unit);
            let is_gap = key.first_sequence != expected;
            expected = key.last_sequence + 1;
            is_gap
        })
    }
}
