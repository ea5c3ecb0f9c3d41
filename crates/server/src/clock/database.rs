//! The database's clock, which all servers of an installation use.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::{Clock, StoreError, Timestamp};
use store_sql::Database;
use tokio::time::{MissedTickBehavior, interval_at};

use super::{ClockSample, MAX_JUMP, SystemClock, evidence::Evidence, steady::JumpFilter};

/// Interval of reading the database's clock.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum drift between two machines' clocks, as a divisor: 1/5000, or 200 parts per million.
const DRIFT_DIVISOR: u32 = 5_000;

/// The longest time for which the clock stands still. Standing still hides the small steps of two clocks that are
/// compared; after a longer one, whatever waits for a time would wait until the clock moves again.
const MAX_STANDSTILL: Duration = Duration::from_secs(60);

/// Extrapolates the database's time from the latest sample by this process's monotonic clock, so that changes of the
/// system's clock have no effect. If the database's clock is set back by up to a minute, it stands still meanwhile. If
/// it is set far ahead, it is believed only once that has lasted (see [`JumpFilter`]), or at once if clients were told
/// that time already: then other servers follow it, and this process was suspended. At the start it is believed unless
/// there is [`Evidence`] of an earlier time.
pub(crate) struct DatabaseClock {
    sample: RwLock<ClockSample>,
    jumps: Mutex<JumpFilter>,
    latest: AtomicI64,
}

impl DatabaseClock {
    /// Reads the database's clock and spawns a task that reads it again every 10 s until the returned clock is dropped.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub(crate) async fn start(database: &Database) -> Result<Arc<Self>, StoreError> {
        let evidence = Evidence::collect(database, database.time().await?, Some(SystemClock.now())).await?;
        let clock = Arc::new(Self::start_at(ClockSample::measure(|| database.time()).await?, &evidence));
        tokio::spawn(run(Arc::downgrade(&clock), database.clone()));
        Ok(clock)
    }

    fn start_at(sample: ClockSample, evidence: &Evidence) -> Self {
        let jumps = JumpFilter::start(sample.time, sample.taken_at, evidence);
        let believed = ClockSample { time: jumps.believed(), ..sample };
        Self { jumps: Mutex::new(jumps), sample: RwLock::new(believed), latest: AtomicI64::new(i64::MIN) }
    }

    /// Whether the sample is too far ahead to be believed without a confirmation.
    fn doubts(&self, new: &ClockSample) -> bool {
        self.jumps.lock().unwrap_or_else(PoisonError::into_inner).doubts(new.time, new.taken_at)
    }

    /// Believes a sample that something else has confirmed.
    fn believe(&self, new: &ClockSample) {
        self.jumps.lock().unwrap_or_else(PoisonError::into_inner).believe(new.time, new.taken_at);
    }

    /// Replaces the sample by `new` if that is more exact, or if the two contradict each other.
    fn update(&self, new: ClockSample) {
        if self.jumps.lock().unwrap_or_else(PoisonError::into_inner).filter(new.time, new.taken_at) != new.time {
            return;
        }
        let mut current = self.sample.write().unwrap_or_else(PoisonError::into_inner);
        let within = current.max_error + new.taken_at.saturating_duration_since(current.taken_at) / DRIFT_DIVISOR;
        let expected = current.time_at(new.taken_at);
        let difference = expected.since(new.time).max(new.time.since(expected));
        if difference > within + new.max_error {
            tracing::warn!(
                "the database's clock was set, or this process was suspended: the clock says {}, expected was {expected}",
                new.time
            );
            *current = new;
            if new.time + MAX_STANDSTILL < expected {
                self.latest.store(i64::MIN, Ordering::Relaxed);
            }
        } else if new.max_error <= within {
            *current = new;
        }
    }

    fn now_at(&self, moment: Instant) -> Timestamp {
        let now = self.sample.read().unwrap_or_else(PoisonError::into_inner).time_at(moment).millis();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        self.now_at(Instant::now())
    }
}

async fn run(clock: Weak<DatabaseClock>, database: Database) {
    let mut ticks = interval_at(tokio::time::Instant::now() + SAMPLE_INTERVAL, SAMPLE_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if clock.strong_count() == 0 {
            return;
        }
        match (ClockSample::measure(|| database.time()).await, clock.upgrade()) {
            (_, None) => return,
            (Ok(sample), Some(clock)) => {
                if clock.doubts(&sample) && is_confirmed(&database, sample.time).await {
                    clock.believe(&sample);
                }
                clock.update(sample);
            }
            (Err(error), Some(_)) => tracing::debug!(%error, "can't read the database's clock; trying again in 10 s"),
        }
    }
}

/// Whether a server has returned a time close to this one to clients.
async fn is_confirmed(database: &Database, time: Timestamp) -> bool {
    matches!(database.watermark_ceiling().await, Ok(Some(ceiling)) if time <= ceiling + MAX_JUMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_TIME: Timestamp = Timestamp::from_millis(1_779_718_113_000);
    const MAX_ERROR: Duration = Duration::from_millis(2);

    fn sample(time: Timestamp, at: Instant) -> ClockSample {
        ClockSample { time, taken_at: at, max_error: MAX_ERROR }
    }

    fn after(millis: u64) -> Timestamp {
        START_TIME + Duration::from_millis(millis)
    }

    #[test]
    fn the_clock_advances_from_the_databases_time() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(START_TIME, start), &Evidence::default());
        assert_eq!(clock.now_at(start), START_TIME);
        assert_eq!(clock.now_at(start + Duration::from_secs(5)), after(5_000));
    }

    #[test]
    fn the_clock_stands_still_if_the_databases_clock_goes_back() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(START_TIME, start), &Evidence::default());
        let moment = start + Duration::from_secs(10);
        assert_eq!(clock.now_at(moment), after(10_000));
        clock.update(sample(after(7_000), moment));
        assert_eq!(clock.now_at(moment + Duration::from_secs(2)), after(10_000));
        assert_eq!(clock.now_at(moment + Duration::from_secs(4)), after(11_000));
    }

    #[test]
    fn the_clock_goes_back_if_the_databases_clock_does_by_more_than_a_minute() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(after(7_200_000), start), &Evidence::default());
        assert_eq!(clock.now_at(start), after(7_200_000));
        let moment = start + Duration::from_secs(10);
        clock.update(sample(after(10_000), moment));
        assert_eq!(clock.now_at(moment + Duration::from_secs(1)), after(11_000));
    }

    #[test]
    fn a_database_clock_that_was_set_far_ahead_is_not_believed_at_once() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(START_TIME, start), &Evidence::default());
        for second in [10, 20] {
            clock.update(sample(after(7_200_000 + second * 1_000), start + Duration::from_secs(second)));
        }
        assert_eq!(clock.now_at(start + Duration::from_secs(20)), after(20_000));
        clock.update(sample(after(30_000), start + Duration::from_secs(30)));
        assert_eq!(clock.now_at(start + Duration::from_secs(30)), after(30_000));
    }

    #[test]
    fn a_less_exact_sample_is_ignored_until_the_better_one_has_aged() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(START_TIME, start), &Evidence::default());
        let worse = |seconds: u64| ClockSample {
            time: after(seconds * 1_000 + 3),
            taken_at: start + Duration::from_secs(seconds),
            max_error: Duration::from_millis(6),
        };
        clock.update(worse(10));
        assert_eq!(clock.now_at(start + Duration::from_secs(10)), after(10_000));
        // A drift of 200 parts per million is 12 ms in 60 s.
        clock.update(worse(60));
        assert_eq!(clock.now_at(start + Duration::from_secs(60)), after(60_003));
    }

    #[test]
    fn the_clock_follows_a_database_clock_that_was_set_forward() {
        let start = Instant::now();
        let clock = DatabaseClock::start_at(sample(START_TIME, start), &Evidence::default());
        let moment = start + Duration::from_secs(10);
        clock.update(ClockSample { time: after(100_000), taken_at: moment, max_error: Duration::from_millis(50) });
        assert_eq!(clock.now_at(moment), after(100_000));
    }
}
