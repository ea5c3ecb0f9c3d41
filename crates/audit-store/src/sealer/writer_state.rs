//! The numbers of one writer's rows that were seen, and those that are outstanding.

use std::{ops::RangeInclusive, time::Duration};

use kernel::Timestamp;

use super::state::{put_time, time};
use crate::{
    bytes::{Unread, put_number},
    rows::ReadRow,
};

/// Time that a row may be outstanding while later ones were seen: commits overtake one another.
const MAX_OUTSTANDING: Duration = Duration::from_secs(60);

/// A writer that has written a row this much later than the one behind a gap was not killed at the gap.
const MIN_LIFE_AFTER_GAP: Duration = Duration::from_secs(4);

/// Time in which a row that was given up or reported as missing is still accepted, once.
const MAX_LATE: Duration = Duration::from_secs(3600);

/// Time without rows after which a writer counts as killed. A live one takes a new identity before.
const MAX_SILENCE: Duration = Duration::from_secs(48 * 3600);

/// Maximum number of late ranges.
const MAX_LATE_RANGES: usize = 4096;

/// Maximum number of ranges in a stored state.
const MAX_STORED_RANGES: usize = 1 << 20;

const VERSION: u8 = 1;

/// Numbers that were not seen although a higher one was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) numbers: RangeInclusive<u64>,
    /// The time at which the sealer noticed it.
    pub(super) noticed_at: Timestamp,
    /// The time of the row behind it.
    pub(super) row_at: Timestamp,
}

/// The state that is stored about a writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WriterState {
    /// The number of times that this was stored: an earlier state can't be put back unnoticed.
    pub(super) version: u64,
    /// The number after the greatest that was seen.
    next: u64,
    gaps: Vec<Gap>,
    /// The numbers that were given up or reported as missing, and when: their rows may still come.
    late: Vec<(RangeInclusive<u64>, Timestamp)>,
    /// The gaps that were reported as those of a writer that was killed.
    killed: Vec<Gap>,
    /// The time of the newest row.
    newest_at: Timestamp,
    /// The time at which the sealer last saw a row.
    pub(super) seen_at: Timestamp,
    has_ended: bool,
}

/// Gaps that are missing for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) gaps: Vec<Gap>,
    /// Whether the writer was killed about then, as far as its rows show.
    pub(super) has_ended: bool,
}

impl WriterState {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            version: 0,
            next: 1,
            gaps: Vec::new(),
            late: Vec::new(),
            killed: Vec::new(),
            newest_at: Timestamp::from_millis(0),
            seen_at: now,
            has_ended: false,
        }
    }

    /// Notes a row with this time. Returns `false`, and notes nothing, if its number was seen before.
    pub(super) fn see(&mut self, row: &ReadRow, row_at: Timestamp, now: Timestamp) -> bool {
        let number = row.number;
        if number >= self.next {
            if number > self.next {
                self.gaps.push(Gap { numbers: self.next..=number - 1, noticed_at: now, row_at });
            }
            self.next = number + 1;
        } else if !self.take_outstanding(number) {
            return false;
        }
        for range in &row.given_up {
            self.give_up(range, now);
        }
        self.newest_at = self.newest_at.max(row_at);
        self.seen_at = now;
        self.has_ended |= row.is_last;
        true
    }

    /// Removes a number from those that may come. Returns whether it was one.
    fn take_outstanding(&mut self, number: u64) -> bool {
        if let Some(index) = self.gaps.iter().position(|gap| gap.numbers.contains(&number)) {
            let gap = self.gaps.remove(index);
            let parts = without(&gap.numbers, &(number..=number));
            self.gaps.extend(parts.into_iter().map(|numbers| Gap { numbers, ..gap.clone() }));
            return true;
        }
        let Some(index) = self.late.iter().position(|(range, _)| range.contains(&number)) else { return false };
        let (range, since) = self.late.remove(index);
        self.killed = gaps_without(&self.killed, &(number..=number));
        self.late.extend(without(&range, &(number..=number)).into_iter().map(|range| (range, since)));
        true
    }

    /// Moves given-up numbers from the gaps to those that may come late.
    fn give_up(&mut self, range: &RangeInclusive<u64>, now: Timestamp) {
        let mut gaps = Vec::with_capacity(self.gaps.len());
        for gap in self.gaps.drain(..) {
            let both = *gap.numbers.start().max(range.start())..=*gap.numbers.end().min(range.end());
            if both.is_empty() {
                gaps.push(gap);
                continue;
            }
            let parts = without(&gap.numbers, &both);
            gaps.extend(parts.into_iter().map(|numbers| Gap { numbers, ..gap.clone() }));
            self.late.push((both, now));
        }
        self.gaps = gaps;
        self.killed = gaps_without(&self.killed, range);
    }

    /// Takes the gaps that were noticed long enough before `swept_at`: the time at which the sealer began to read all
    /// rows that there are. Takes those once more that were reported as the end of a writer that has lived on. Also takes
    /// the last row of a writer that has been silent for too long. Forgets what can no longer come.
    pub(super) fn take_missing(&mut self, swept_at: Timestamp) -> Vec<Missing> {
        self.late.retain(|(_, since)| swept_at.since(*since) < MAX_LATE);
        let newest_at = self.newest_at;
        let (due, open): (Vec<_>, Vec<_>) =
            self.gaps.drain(..).partition(|gap| swept_at.since(gap.noticed_at) >= MAX_OUTSTANDING);
        self.gaps = open;
        self.late.extend(due.iter().map(|gap| (gap.numbers.clone(), swept_at)));
        let excess = self.late.len().saturating_sub(MAX_LATE_RANGES);
        self.late.drain(..excess);
        let lives_on = |gap: &Gap| newest_at.since(gap.row_at) >= MIN_LIFE_AFTER_GAP;
        let (mut alive, mut killed): (Vec<_>, Vec<_>) = due.into_iter().partition(lives_on);
        // Rows of a living writer may have been held back until the gap was reported.
        alive.extend(self.killed.extract_if(.., |gap| lives_on(gap)));
        self.killed.extend(killed.iter().cloned());
        let excess = self.killed.len().saturating_sub(MAX_LATE_RANGES);
        self.killed.drain(..excess);
        if self.is_silent(swept_at) && self.gaps.is_empty() && !self.has_ended {
            killed.push(Gap { numbers: self.next..=self.next, noticed_at: swept_at, row_at: newest_at });
        }
        [Missing { gaps: alive, has_ended: false }, Missing { gaps: killed, has_ended: true }]
            .into_iter()
            .filter(|missing| !missing.gaps.is_empty())
            .collect()
    }

    fn is_silent(&self, swept_at: Timestamp) -> bool {
        swept_at.since(self.seen_at) >= MAX_SILENCE
    }

    /// Whether nothing more is expected of the writer.
    pub(super) fn is_over(&self, swept_at: Timestamp) -> bool {
        let is_complete = self.gaps.is_empty() && (self.late.is_empty() || !self.has_ended);
        is_complete && (self.has_ended || self.is_silent(swept_at))
    }

    /// The time from which on [`Self::take_missing`] or [`Self::is_over`] may have another result, if no row comes.
    pub(super) fn due_at(&self) -> Timestamp {
        let gaps = self.gaps.iter().map(|gap| gap.noticed_at + MAX_OUTSTANDING);
        let late = self.late.iter().filter(|_| self.has_ended).map(|(_, since)| *since + MAX_LATE);
        gaps.chain(late).min().unwrap_or(self.seen_at + MAX_SILENCE)
    }

    /// Encodes it as this version.
    pub(super) fn encode(&self, version: u64) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.has_ended)];
        put_number(&mut bytes, version);
        put_number(&mut bytes, self.next);
        put_time(&mut bytes, self.newest_at);
        put_time(&mut bytes, self.seen_at);
        for gaps in [&self.gaps, &self.killed] {
            put_number(&mut bytes, gaps.len() as u64);
            for gap in gaps {
                put_range(&mut bytes, &gap.numbers);
                put_time(&mut bytes, gap.noticed_at);
                put_time(&mut bytes, gap.row_at);
            }
        }
        put_number(&mut bytes, self.late.len() as u64);
        for (range, since) in &self.late {
            put_range(&mut bytes, range);
            put_time(&mut bytes, *since);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut unread = Unread(bytes);
        let has_ended = match (unread.byte()?, unread.byte()?) {
            (VERSION, flag @ (0 | 1)) => flag == 1,
            _ => return None,
        };
        let (version, next) = (unread.number()?, unread.number()?);
        let (newest_at, seen_at) = (time(&mut unread)?, time(&mut unread)?);
        let (gaps, killed) = (gaps(&mut unread)?, gaps(&mut unread)?);
        let mut late = Vec::new();
        for _ in 0..unread.length().filter(|count| *count <= MAX_STORED_RANGES)? {
            late.push((range(&mut unread)?, time(&mut unread)?));
        }
        unread.0.is_empty().then_some(Self { version, next, gaps, late, killed, newest_at, seen_at, has_ended })
    }
}

/// The gaps without the numbers of a range.
fn gaps_without(gaps: &[Gap], removed: &RangeInclusive<u64>) -> Vec<Gap> {
    let parts = |gap: &Gap| {
        let both = *gap.numbers.start().max(removed.start())..=*gap.numbers.end().min(removed.end());
        if both.is_empty() { vec![gap.numbers.clone()] } else { without(&gap.numbers, &both) }
    };
    gaps.iter().flat_map(|gap| parts(gap).into_iter().map(|numbers| Gap { numbers, ..gap.clone() })).collect()
}

/// The numbers of a range without those of another one within it.
fn without(range: &RangeInclusive<u64>, removed: &RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
    let parts = [*range.start()..=removed.start().saturating_sub(1), removed.end().saturating_add(1)..=*range.end()];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn put_range(bytes: &mut Vec<u8>, range: &RangeInclusive<u64>) {
    put_number(bytes, *range.start());
    put_number(bytes, range.end() - range.start());
}

fn gaps(unread: &mut Unread<'_>) -> Option<Vec<Gap>> {
    let mut gaps = Vec::new();
    for _ in 0..unread.length().filter(|count| *count <= MAX_STORED_RANGES)? {
        let numbers = range(unread)?;
        gaps.push(Gap { numbers, noticed_at: time(unread)?, row_at: time(unread)? });
    }
    Some(gaps)
}

fn range(unread: &mut Unread<'_>) -> Option<RangeInclusive<u64>> {
    let start = unread.number()?;
    Some(start..=start.checked_add(unread.number()?)?)
}

#[cfg(test)]
mod tests {
    use kernel::Ulid;
    use proptest::prelude::*;

    use super::*;
    use crate::rows::RowAttempt;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_779_718_113_000 + seconds * 1000)
    }

    fn row(number: u64, given_up: &[RangeInclusive<u64>]) -> ReadRow {
        ReadRow {
            writer: Ulid(1),
            number,
            given_up: given_up.to_vec(),
            is_last: false,
            attempt: RowAttempt::First,
            parts: Vec::new(),
        }
    }

    fn numbers(missing: &[Missing]) -> Vec<(RangeInclusive<u64>, bool)> {
        let gaps = missing.iter().flat_map(|missing| missing.gaps.iter().map(|gap| (gap, missing.has_ended)));
        gaps.map(|(gap, has_ended)| (gap.numbers.clone(), has_ended)).collect()
    }

    #[test]
    fn a_row_that_never_comes_is_missing_after_a_minute_if_its_writer_goes_on() {
        let mut state = WriterState::new(at(0));
        assert!(state.see(&row(1, &[]), at(0), at(0)) && state.see(&row(4, &[]), at(1), at(1)));
        assert!(state.see(&row(2, &[]), at(0), at(2)) && state.see(&row(5, &[]), at(5), at(5)));
        assert_eq!(state.take_missing(at(60)), []);
        assert_eq!(numbers(&state.take_missing(at(61))), [(3..=3, false)]);
        assert_eq!(state.take_missing(at(70)), [], "it is reported once");
        assert!(state.see(&row(3, &[]), at(0), at(71)), "a row that was held back is accepted");
        assert!(!state.see(&row(3, &[]), at(0), at(72)), "but only once");
    }

    #[test]
    fn the_last_rows_of_a_killed_writer_are_no_more_than_a_warning() {
        let mut state = WriterState::new(at(0));
        state.see(&row(2, &[]), at(1), at(1));
        state.see(&row(3, &[]), at(4), at(4));
        assert_eq!(numbers(&state.take_missing(at(61))), [(1..=1, true)]);
        assert!(!state.is_over(at(61)) && state.is_over(at(4 + 48 * 3600)));
    }

    #[test]
    fn a_gap_of_a_killed_writer_is_reported_again_if_the_writer_lives_on() {
        let mut state = WriterState::new(at(0));
        state.see(&row(2, &[]), at(1), at(1));
        state.see(&row(5, &[]), at(2), at(2));
        assert_eq!(numbers(&state.take_missing(at(62))), [(1..=1, true), (3..=4, true)]);
        state.see(&row(6, &[]), at(4), at(63));
        assert_eq!(state.take_missing(at(63)), [], "it was written too soon after the gaps");
        let mut state = WriterState::decode(&state.encode(0)).unwrap();
        assert!(state.see(&row(3, &[]), at(1), at(64)), "a row that was held back is not missing");
        state.see(&row(7, &[]), at(7), at(65));
        assert_eq!(numbers(&state.take_missing(at(65))), [(1..=1, false), (4..=4, false)]);
        state.see(&row(8, &[]), at(9), at(66));
        assert_eq!(state.take_missing(at(66)), [], "it is reported once");
    }

    #[test]
    fn a_number_that_is_given_up_later_is_not_missing_although_its_writer_lives_on() {
        let mut state = WriterState::new(at(0));
        state.see(&row(4, &[]), at(1), at(1));
        assert_eq!(numbers(&state.take_missing(at(61))), [(1..=3, true)]);
        state.see(&row(5, &[2..=2, 9..=9]), at(70), at(70));
        assert_eq!(numbers(&state.take_missing(at(70))), [(1..=1, false), (3..=3, false)]);
    }

    #[test]
    fn a_writer_that_ends_without_its_last_row_is_a_warning_when_it_is_forgotten() {
        let (silent, mut state) = (48 * 3600, WriterState::new(at(0)));
        state.see(&row(1, &[]), at(0), at(0));
        assert_eq!(state.take_missing(at(silent - 1)), []);
        let missing = state.take_missing(at(silent));
        assert_eq!(numbers(&missing), [(2..=2, true)]);
        assert_eq!((missing[0].gaps[0].noticed_at, missing[0].gaps[0].row_at), (at(silent), at(0)));
        assert!(state.is_over(at(silent)));
        let mut state = WriterState::new(at(0));
        state.see(&ReadRow { is_last: true, ..row(1, &[]) }, at(0), at(0));
        assert_eq!(state.take_missing(at(silent)), [], "this one has ended properly");
    }

    #[test]
    fn a_number_that_was_given_up_is_not_missing_and_may_come_late() {
        let mut state = WriterState::new(at(0));
        state.see(&row(6, &[2..=3, 5..=5]), at(1), at(1));
        assert_eq!(numbers(&state.take_missing(at(61))), [(1..=1, true), (4..=4, true)]);
        assert!(state.see(&row(3, &[]), at(0), at(62)) && !state.see(&row(3, &[]), at(0), at(63)));
        assert!(state.see(&ReadRow { is_last: true, ..row(7, &[]) }, at(64), at(64)));
        assert!(!state.is_over(at(65)), "rows may still come");
        state.take_missing(at(2 * 3600));
        assert!(state.is_over(at(2 * 3600)));
        assert!(!state.see(&row(2, &[]), at(0), at(2 * 3600)));
    }

    proptest! {
        #[test]
        fn every_number_is_seen_once_or_outstanding_in_any_order_and_survives_storage(
            order in Just((1_u64..40).collect::<Vec<_>>()).prop_shuffle(), given_up in 1_u64..40, seen in 0_usize..40
        ) {
            let mut state = WriterState::new(at(0));
            let seen = &order[..seen.min(order.len())];
            for number in seen {
                let list = if *number > given_up { vec![given_up..=given_up] } else { Vec::new() };
                prop_assert!(state.see(&row(*number, &list), at(0), at(0)));
                prop_assert!(!state.clone().see(&row(*number, &[]), at(0), at(0)));
                prop_assert_eq!(WriterState::decode(&state.encode(0)), Some(state.clone()));
            }
            let greatest = seen.iter().copied().max().unwrap_or(0);
            let is_given_up = greatest > given_up && !seen.contains(&given_up);
            let mut missing: Vec<u64> =
                numbers(&state.take_missing(at(60))).into_iter().flat_map(|(range, _)| range).collect();
            missing.sort_unstable();
            let expected: Vec<u64> = (1..greatest)
                .filter(|number| !(seen.contains(number) || is_given_up && *number == given_up))
                .collect();
            prop_assert_eq!(missing, expected);
            for number in 1..40 {
                prop_assert_eq!(state.see(&row(number, &[]), at(0), at(61)), !seen.contains(&number));
            }
        }
    }
}
