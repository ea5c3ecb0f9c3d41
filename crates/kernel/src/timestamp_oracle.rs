//! Timestamps of writes, and the low watermark that writes in flight hold back.
//!
//! A record's time of change is set before its commit and becomes visible after it. A reader that used "now" as the
//! start of its next catch-up would miss a write with an earlier timestamp that commits later. So a write holds a
//! [`WriteTimestamp`] while it is in flight, and [`TimestampOracle::low_watermark`] never passes the oldest of them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{clock::Clock, id::HasIdPrefix, resource::Stored, timestamp::Timestamp};

/// The maximum time by which a watermark may be ahead of the clock. Without this limit, writes and lists that alternate
/// within one millisecond would push timestamps ever further ahead of it.
const MAX_CLOCK_LEAD: Duration = Duration::from_millis(5);

/// The difference from the clock from which on a timestamp is stored together with the clock's time. Smaller ones follow
/// from writes in quick succession and from the lead of other processes.
const MIN_CLOCK_DIFFERENCE: Duration = Duration::from_secs(1);

/// The maximum time by which a write follows the last change of a record that it changes. Times further ahead are those of
/// a clock that was wrong and has been put right since (ADR 0035): only the record itself keeps up with them, not the
/// records, entries and events that are written with it.
const MAX_RECORD_LEAD: Duration = Duration::from_secs(60);

/// Issues monotonic timestamps for writes and tracks those in flight. There is one per process and store.
#[derive(Clone)]
pub struct TimestampOracle {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_flight: BTreeSet<(Timestamp, u64)>,
    serial: u64,
    /// The lower bound of new timestamps: the last watermark returned or the last timestamp issued.
    minimum: Option<Timestamp>,
    /// The latest timestamp issued.
    latest: Option<Timestamp>,
}

/// The timestamp of a write. The write counts as in flight until this guard is dropped.
pub struct WriteTimestamp {
    at: Timestamp,
    /// The timestamp as issued, from which on the write is in flight.
    issued: Timestamp,
    /// The clock's time when the timestamp was issued.
    clock: Timestamp,
    serial: u64,
    shared: Arc<Shared>,
}

impl TimestampOracle {
    /// Creates an oracle that follows this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { clock, state: Mutex::default() }) }
    }

    /// Ensures that every later timestamp is at least `minimum`, a watermark that another process over the same data
    /// has already returned to its clients.
    pub fn advance_to(&self, minimum: Timestamp) {
        let mut state = self.shared.state();
        state.minimum = state.minimum.max(Some(minimum));
    }

    /// Issues the timestamp of a new write, which is in flight until the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> WriteTimestamp {
        let mut state = self.shared.state();
        let now = self.shared.clock.now();
        let at = state.minimum.map_or(now, |minimum| minimum.max(now));
        state.minimum = Some(at);
        state.latest = Some(at);
        state.serial += 1;
        let serial = state.serial;
        state.in_flight.insert((at, serial));
        WriteTimestamp { at, issued: at, clock: now, serial, shared: Arc::clone(&self.shared) }
    }

    /// Returns a time that no write in flight and no later write has a timestamp before.
    ///
    /// If no write is in flight, the watermark is after every timestamp issued, so that a catch-up from it reads no
    /// record twice. The exception is a watermark that would be more than 5 ms ahead of the clock: it equals the latest
    /// timestamp then, and a catch-up reads the records of that write once more. A catch-up misses nothing in either
    /// case.
    ///
    /// The watermark must be read before the snapshot that it is returned with is taken.
    #[must_use]
    pub fn low_watermark(&self) -> Timestamp {
        let mut state = self.shared.state();
        if let Some((oldest, _)) = state.in_flight.first() {
            return *oldest;
        }
        let now = self.shared.clock.now();
        // A timestamp that is ahead of the clock by the maximum is not passed: it is the lower bound itself.
        let passable = state.latest.filter(|latest| *latest < now + MAX_CLOCK_LEAD);
        let after_latest = passable.map_or(now, |latest| now.max(latest + Duration::from_millis(1)));
        let low_watermark = state.minimum.map_or(after_latest, |minimum| minimum.max(after_latest));
        state.minimum = Some(low_watermark);
        low_watermark
    }
}

impl WriteTimestamp {
    /// The timestamp itself.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Moves the timestamp after the last changes of these records, which the write changes. All that the write stores has
    /// this one time: the records, their audit entries and their events. So the entries and events of a record are in the
    /// order of its revisions, whichever processes wrote them: identifiers begin with the time, and each change is later
    /// than the one before.
    ///
    /// Other writes are not moved: a record that is changed more often than once in a millisecond runs ahead of the clock
    /// alone.
    #[must_use]
    pub fn after<'r, R: HasIdPrefix>(self, replaced: impl IntoIterator<Item = &'r Stored<R>>) -> Self {
        replaced.into_iter().fold(self, |timestamp, stored| timestamp.after_change(stored.meta.updated_at))
    }

    /// Moves the timestamp after a change with this time.
    #[must_use]
    pub fn after_change(mut self, updated_at: Timestamp) -> Self {
        if !self.follows(updated_at) {
            self.at = self.at.later_than(updated_at);
            // A watermark can pass the new timestamp, as it passes those that are issued, unless it is too far ahead.
            if self.at < self.clock + MAX_CLOCK_LEAD {
                let mut state = self.shared.state();
                state.latest = state.latest.max(Some(self.at));
            }
        }
        self
    }

    /// Whether the timestamp is after a change with this time, or need not be because that one is too far ahead.
    pub(crate) fn follows(&self, updated_at: Timestamp) -> bool {
        self.at > updated_at || updated_at.since(self.issued) >= MAX_RECORD_LEAD
    }

    /// The clock's time when the timestamp was issued. Waits begin with it: a timestamp may be far ahead of a clock
    /// that was set back, and whatever is due at the timestamp would wait until the clock has caught up.
    #[must_use]
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The clock's time, if the timestamp differs from it by more than a second because it must not be before a
    /// watermark that was returned to clients.
    #[must_use]
    pub fn differing_clock(&self) -> Option<Timestamp> {
        (self.at.distance(self.clock) > MIN_CLOCK_DIFFERENCE).then_some(self.clock)
    }
}

impl Drop for WriteTimestamp {
    fn drop(&mut self) {
        self.shared.state().in_flight.remove(&(self.issued, self.serial));
    }
}

impl std::fmt::Debug for WriteTimestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WriteTimestamp({})", self.at)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    struct ManualClock(AtomicI64);

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn oracle_at(millis: i64) -> (TimestampOracle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock(AtomicI64::new(millis)));
        (TimestampOracle::new(Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    #[test]
    fn a_write_in_flight_holds_the_low_watermark_back() {
        let (oracle, clock) = oracle_at(100);
        let early = oracle.begin();
        clock.0.store(500, Ordering::Relaxed);
        let late = oracle.begin();
        assert_eq!(oracle.low_watermark(), early.at());
        drop(early);
        assert_eq!(oracle.low_watermark(), late.at());
        drop(late);
        assert!(oracle.low_watermark() >= Timestamp::from_millis(500));
    }

    #[test]
    fn no_timestamp_is_before_a_returned_watermark_even_when_the_clock_steps_back() {
        let (oracle, clock) = oracle_at(1000);
        let watermark = oracle.low_watermark();
        clock.0.store(10, Ordering::Relaxed);
        assert!(oracle.begin().at() >= watermark);
    }

    #[test]
    fn no_timestamp_and_no_watermark_is_before_the_highest_minimum_advanced_to() {
        let (oracle, clock) = oracle_at(1000);
        let early = oracle.begin();
        oracle.advance_to(Timestamp::from_millis(5000));
        oracle.advance_to(Timestamp::from_millis(2000));
        assert_eq!(oracle.begin().at(), Timestamp::from_millis(5000));
        assert_eq!(oracle.low_watermark(), early.at(), "the first write is still in flight");
        drop(early);
        assert_eq!(oracle.low_watermark(), Timestamp::from_millis(5000));
        clock.0.store(6000, Ordering::Relaxed);
        assert_eq!(oracle.begin().at(), Timestamp::from_millis(6000));
    }

    #[test]
    fn a_timestamp_ahead_of_a_clock_that_was_set_back_knows_the_clocks_time() {
        let (oracle, clock) = oracle_at(10_000_000);
        assert_eq!(oracle.begin().differing_clock(), None);
        clock.0.store(1000, Ordering::Relaxed);
        let write = oracle.begin();
        assert_eq!(write.at(), Timestamp::from_millis(10_000_000));
        assert_eq!((write.clock(), write.differing_clock()), (at(1000), Some(at(1000))));
        clock.0.store(9_999_000, Ordering::Relaxed);
        assert_eq!(oracle.begin().differing_clock(), None, "a second is within the lead of other processes");
    }

    #[test]
    fn a_write_that_follows_a_change_ahead_of_the_clock_moves_alone_and_is_never_passed() {
        let (oracle, clock) = oracle_at(1000);
        let write = oracle.begin().after_change(at(1500));
        assert_eq!((write.at(), write.clock()), (at(1501), at(1000)));
        assert_eq!(oracle.begin().at(), at(1000), "other writes keep to the clock");
        assert_eq!(oracle.low_watermark(), at(1000), "the write is in flight");
        drop(write);
        let watermark = oracle.low_watermark();
        assert!(watermark <= at(1000) + MAX_CLOCK_LEAD, "{watermark} is too far ahead of the clock");
        clock.0.store(1600, Ordering::Relaxed);
        let write = oracle.begin().after_change(at(1501));
        assert_eq!(write.at(), at(1600), "the clock is later already");
    }

    #[test]
    fn a_write_does_not_follow_a_change_of_a_clock_that_was_wrong() {
        let (oracle, _) = oracle_at(1000);
        let lead = i64::try_from(MAX_RECORD_LEAD.as_millis()).unwrap();
        let write = oracle.begin().after_change(at(1000 + lead));
        assert_eq!(write.at(), at(1000));
        assert!(write.follows(at(1000 + lead)) && !write.follows(at(1000)));
        let write = write.after_change(at(999 + lead)).after_change(at(1001 + lead));
        assert_eq!(write.at(), at(1000 + lead), "the lead is not added up");
    }

    #[test]
    fn a_catch_up_reads_no_record_twice_that_was_changed_twice_in_one_millisecond() {
        let (oracle, _) = oracle_at(1000);
        let first = oracle.begin().at();
        let second = oracle.begin().after_change(first).at();
        assert!(second > first);
        assert!(oracle.low_watermark() > second);
    }

    #[test]
    fn the_low_watermark_is_after_every_completed_write_so_a_catch_up_reads_nothing_twice() {
        let (oracle, _) = oracle_at(1000);
        let stored = oracle.begin().at();
        let watermark = oracle.low_watermark();
        assert!(watermark > stored);
        assert!(oracle.begin().at() >= watermark);
    }

    #[test]
    fn writes_and_lists_that_alternate_within_a_millisecond_stay_within_the_maximum_clock_lead() {
        let (oracle, clock) = oracle_at(1000);
        let mut watermark = Timestamp::MIN;
        for _ in 0..10_000 {
            let stored = oracle.begin().at();
            assert!(stored >= watermark, "a catch-up from {watermark} would miss {stored}");
            watermark = oracle.low_watermark();
            assert!(watermark >= stored);
            assert!(
                watermark <= Timestamp::from_millis(1000) + MAX_CLOCK_LEAD,
                "{watermark} is too far ahead of the clock"
            );
        }
        clock.0.fetch_add(5, Ordering::Relaxed);
        assert!(
            oracle.low_watermark() > watermark,
            "once the clock has caught up, the watermark passes the latest timestamp"
        );
    }
}
