//! The moments writes are stamped with, and the horizon that writes in flight hold back.
//!
//! A record's time of change is set before its commit and seen after it. A reader that took "now" for the start of its
//! next catch-up would lose a write that was stamped before and committed after. So a write holds a [`Stamp`] while it is
//! in flight, and [`Stamps::horizon`] never passes the oldest of them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{ports::Clock, timestamp::Timestamp};

/// How far past the clock a horizon goes for lying after every stamp. Writes and lists that alternate faster than the clock
/// tells milliseconds apart would else push the stamps ahead of it without end.
const LEAD: Duration = Duration::from_millis(5);

/// Gives out stamps and knows which are in flight. One per process and store.
#[derive(Clone)]
pub struct Stamps {
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
    /// No stamp is earlier: a horizon that was told, or the last moment a stamp was given out.
    floor: Option<Timestamp>,
    /// The latest stamp given out.
    latest: Option<Timestamp>,
}

/// The moment of a write, held while the write is in flight.
pub struct Stamp {
    at: Timestamp,
    serial: u64,
    shared: Arc<Shared>,
}

impl Stamps {
    /// Stamps by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { clock, state: Mutex::default() }) }
    }

    /// Sees to it that no later stamp lies before this moment, which others over the same records have told theirs of.
    pub fn raise(&self, floor: Timestamp) {
        let mut state = self.shared.state();
        state.floor = state.floor.max(Some(floor));
    }

    /// Opens a write, which is in flight until the stamp is dropped.
    #[must_use]
    pub fn begin(&self) -> Stamp {
        let mut state = self.shared.state();
        let now = self.shared.clock.now();
        let at = state.floor.map_or(now, |floor| floor.max(now));
        state.floor = Some(at);
        state.latest = Some(at);
        state.serial += 1;
        let serial = state.serial;
        state.in_flight.insert((at, serial));
        Stamp { at, serial, shared: Arc::clone(&self.shared) }
    }

    /// A moment no later stamp lies before, and no write in flight either. Where nothing is in flight it lies after every
    /// stamp given out, so that a catch-up from it meets nothing twice; unless that were more than 5 ms past the clock, where
    /// it is the latest stamp itself, whose writes a catch-up then meets once more. It misses none in either case.
    ///
    /// Ask before the snapshot is taken that it is told with.
    #[must_use]
    pub fn horizon(&self) -> Timestamp {
        let mut state = self.shared.state();
        if let Some((oldest, _)) = state.in_flight.first() {
            return *oldest;
        }
        let now = self.shared.clock.now();
        // A stamp that leads by as much as it may is its own floor.
        let passable = state.latest.filter(|latest| *latest < now + LEAD);
        let past_latest = passable.map_or(now, |latest| now.max(latest + Duration::from_millis(1)));
        let horizon = state.floor.map_or(past_latest, |floor| floor.max(past_latest));
        state.floor = Some(horizon);
        horizon
    }
}

impl Stamp {
    /// The moment.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        self.shared.state().in_flight.remove(&(self.at, self.serial));
    }
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stamp({})", self.at)
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

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn stamps_at(millis: i64) -> (Stamps, Arc<Hand>) {
        let hand = Arc::new(Hand(AtomicI64::new(millis)));
        (Stamps::new(Arc::clone(&hand) as Arc<dyn Clock>), hand)
    }

    #[test]
    fn a_write_in_flight_holds_the_horizon_back() {
        let (stamps, hand) = stamps_at(100);
        let early = stamps.begin();
        hand.0.store(500, Ordering::Relaxed);
        let late = stamps.begin();
        assert_eq!(stamps.horizon(), early.at());
        drop(early);
        assert_eq!(stamps.horizon(), late.at());
        drop(late);
        assert!(stamps.horizon() >= Timestamp::from_millis(500));
    }

    #[test]
    fn no_stamp_lies_before_a_horizon_that_was_told_even_when_the_clock_steps_back() {
        let (stamps, hand) = stamps_at(1000);
        let told = stamps.horizon();
        hand.0.store(10, Ordering::Relaxed);
        assert!(stamps.begin().at() >= told);
    }

    #[test]
    fn no_stamp_and_no_horizon_lies_before_a_floor_that_was_raised_and_a_lower_one_changes_nothing() {
        let (stamps, hand) = stamps_at(1000);
        let early = stamps.begin();
        stamps.raise(Timestamp::from_millis(5000));
        stamps.raise(Timestamp::from_millis(2000));
        assert_eq!(stamps.begin().at(), Timestamp::from_millis(5000));
        assert_eq!(stamps.horizon(), early.at(), "what is in flight is so still");
        drop(early);
        assert_eq!(stamps.horizon(), Timestamp::from_millis(5000));
        hand.0.store(6000, Ordering::Relaxed);
        assert_eq!(stamps.begin().at(), Timestamp::from_millis(6000));
    }

    #[test]
    fn a_horizon_lies_after_every_stored_stamp_so_a_catch_up_meets_nothing_twice() {
        let (stamps, _) = stamps_at(1000);
        let stored = stamps.begin().at();
        let horizon = stamps.horizon();
        assert!(horizon > stored);
        assert!(stamps.begin().at() >= horizon);
    }

    #[test]
    fn writes_and_lists_that_alternate_within_a_millisecond_drift_no_further_than_the_lead() {
        let (stamps, hand) = stamps_at(1000);
        let mut told = Timestamp::MIN;
        for _ in 0..10_000 {
            let stored = stamps.begin().at();
            assert!(stored >= told, "a catch-up from {told} would miss {stored}");
            told = stamps.horizon();
            assert!(told >= stored);
            assert!(told <= Timestamp::from_millis(1000) + LEAD, "{told} drifts ahead of the clock");
        }
        hand.0.fetch_add(5, Ordering::Relaxed);
        assert!(stamps.horizon() > told, "a clock that has caught up lets the horizon pass the latest stamp");
    }
}
