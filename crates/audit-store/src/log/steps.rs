//! The runs and segments that a search reads, in its direction.

use std::{collections::VecDeque, ops::Range};

use audit::tables::{RunKey, RunTable};
use audit_runs::{BLOCK_ENTRIES, Fingerprint, MAX_ENTRIES};
use kernel::StoreError;

use super::{
    block_cache::IdRanges,
    blocks::{ALL_BLOCKS, Wish},
    reader::Reader,
    view::View,
    wanted::Wanted,
    window::{Direction, Rank, Window},
};

/// The number of units that are listed at a time if all may match.
const UNFILTERED_UNITS: usize = 32;

/// The number of blocks that a filtered search reads first; it doubles each time.
const FIRST_BLOCKS: usize = 4;

/// The maximum number of blocks that are read at a time.
const MAX_BLOCKS: usize = 32;

/// The units that are still to be read.
pub(crate) struct Steps {
    window: Window,
    terms: Vec<Vec<Fingerprint>>,
    /// The units that may have to be read and whose blocks are not in `listed` yet.
    units: Range<usize>,
    listed: VecDeque<Step>,
    next_blocks: usize,
}

/// Blocks of a unit that are read together.
struct Step {
    wish: Wish,
    /// The first rank that an entry in it, or in what is read later, may have.
    unread: Rank,
}

impl Steps {
    pub(crate) fn new(view: &View, wanted: &Wanted, window: Window) -> Self {
        let units = window.ids().map_or(0..0, |(first, last)| {
            let start = view.partition_point(|unit| view.high(unit) < first);
            let end = view.partition_point(|unit| view.low(unit) <= last);
            start..end.max(start)
        });
        Self { window, terms: wanted.terms(), units, listed: VecDeque::new(), next_blocks: FIRST_BLOCKS }
    }

    /// Whether fingerprints are searched for.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.terms.is_empty()
    }

    /// The first rank that an unread entry may have.
    pub(crate) fn unread(&self, view: &View) -> Option<Rank> {
        let unread = match self.listed.front() {
            Some(step) => step.unread,
            None if self.units.is_empty() => return None,
            None => self.unread_in(view, self.units.clone()),
        };
        Some(unread.max(self.window.start))
    }

    fn unread_in(&self, view: &View, units: Range<usize>) -> Rank {
        match self.window.direction {
            Direction::Down => self.window.direction.rank(view.high(units.end - 1)),
            Direction::Up => self.window.direction.rank(view.low(units.start)),
        }
    }

    /// Takes what is read next: about `needed` entries if all match, and no more than `budget` if anything is left of it.
    pub(crate) async fn take(
        &mut self,
        reader: &Reader,
        view: &View,
        needed: usize,
        budget: usize,
    ) -> Result<Vec<Wish>, StoreError> {
        while self.listed.is_empty() && !self.units.is_empty() {
            self.list(reader, view).await?;
        }
        let entries = if self.is_filtered() {
            let blocks = self.next_blocks;
            self.next_blocks = (blocks * 2).min(MAX_BLOCKS);
            blocks * BLOCK_ENTRIES
        } else {
            needed.min(MAX_BLOCKS * BLOCK_ENTRIES)
        };
        let mut wishes: Vec<Wish> = Vec::new();
        let mut taken = 0;
        while taken < entries.min(budget.max(1)) {
            let Some(step) = self.listed.pop_front() else { break };
            taken += entries_in(&step.wish);
            match wishes.last_mut().filter(|last| last.key == step.wish.key) {
                Some(last) => last.blocks |= step.wish.blocks,
                None => wishes.push(step.wish),
            }
        }
        Ok(wishes)
    }

    /// Lists the next units.
    async fn list(&mut self, reader: &Reader, view: &View) -> Result<(), StoreError> {
        let is_down = self.window.direction == Direction::Down;
        let units = if self.is_filtered() {
            Reader::searchable(view, self.units.clone(), is_down)
        } else if is_down {
            self.units.end.saturating_sub(UNFILTERED_UNITS).max(self.units.start)..self.units.end
        } else {
            self.units.start..self.units.end.min(self.units.start + UNFILTERED_UNITS)
        };
        let mut candidates = reader.candidates(view, units.clone(), &self.terms).await?;
        if is_down {
            self.units.end = units.start;
            candidates.reverse();
        } else {
            self.units.start = units.end;
        }
        for (unit, blocks) in candidates {
            self.list_unit(reader, view, unit, blocks);
        }
        Ok(())
    }

    /// Lists the blocks of a unit: one by one if their identifiers are known.
    fn list_unit(&mut self, reader: &Reader, view: &View, unit: usize, blocks: u16) {
        let key = view.key(unit);
        let Some((first, last)) = self.window.ids().filter(|(first, last)| {
            // Others are between units of the window because of entries that came late.
            key.first_id <= *last && key.high_id >= *first
        }) else {
            return;
        };
        let ranges = (key.table == RunTable::Segments).then(|| reader.blocks.id_ranges(view.version(), key)).flatten();
        let Some(ranges) = ranges else {
            let unread = self.unread_in(view, unit..unit + 1);
            self.listed.push_back(Step { wish: Wish { key: key.clone(), blocks }, unread });
            return;
        };
        let bounds = self.bounds(view, unit, &ranges);
        let wanted = |block: &usize| {
            let (low, high) = ranges[*block];
            blocks & (1 << block) != 0 && low <= last && high >= first
        };
        let mut numbers: Vec<usize> = (0..ranges.len()).filter(wanted).collect();
        if self.window.direction == Direction::Down {
            numbers.reverse();
        }
        for block in numbers {
            let wish = Wish { key: key.clone(), blocks: 1 << block };
            self.listed.push_back(Step { wish, unread: bounds[block] });
        }
    }

    /// For each block of a segment, the first rank that an entry in it, or in what is read later, may have.
    fn bounds(&self, view: &View, unit: usize, ranges: &IdRanges) -> Vec<Rank> {
        let direction = self.window.direction;
        let rank = |id| direction.rank(id);
        match direction {
            Direction::Down => {
                let before = unit.checked_sub(1).map_or(Rank::MAX, |before| rank(view.high(before)));
                let mut bound = before;
                let up = ranges.iter().map(|(_, high)| {
                    bound = bound.min(rank(*high));
                    bound
                });
                up.collect()
            }
            Direction::Up => {
                let after = if unit + 1 < view.len() { rank(view.low(unit + 1)) } else { Rank::MAX };
                let mut bound = after;
                let down = ranges.iter().rev().map(|(low, _)| {
                    bound = bound.min(rank(*low));
                    bound
                });
                let mut bounds: Vec<Rank> = down.collect();
                bounds.reverse();
                bounds
            }
        }
    }
}

/// The number of entries of the blocks, at most.
fn entries_in(wish: &Wish) -> usize {
    let entries = |key: &RunKey| usize::try_from(key.last_sequence - key.first_sequence + 1).unwrap_or(MAX_ENTRIES);
    if wish.blocks == ALL_BLOCKS { entries(&wish.key) } else { wish.blocks.count_ones() as usize * BLOCK_ENTRIES }
}
