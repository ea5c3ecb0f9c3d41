//! The database's clock, which all servers of an installation use.

use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::{Clock, StoreError, Timestamp};
use store_sql::Database;
use tokio::time::{MissedTickBehavior, interval_at};

use super::Reading;

/// Interval of reading the database's clock.
const EVERY: Duration = Duration::from_secs(10);

/// Maximum drift between two machines' clocks, as a divisor: 1/5000, or 200 parts per million.
const DRIFT: u32 = 5_000;

/// Extrapolates the database's time from the latest sample by this process's monotonic clock, so that changes of the
/// system's clock have no effect. It never goes backwards: if the database's clock does, it stands still.
pub(crate) struct DatabaseClock {
    reading: RwLock<Reading>,
    latest: AtomicI64,
}

impl DatabaseClock {
    /// Reads the database's clock and spawns a task that reads it again every 10 s until the returned clock is dropped.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub(crate) async fn of(database: &Database) -> Result<Arc<Self>, StoreError> {
        let clock = Arc::new(Self::at(Reading::take(|| database.time()).await?));
        tokio::spawn(keep_reading(Arc::downgrade(&clock), database.clone()));
        Ok(clock)
    }

    fn at(sample: Reading) -> Self {
        Self { reading: RwLock::new(sample), latest: AtomicI64::new(i64::MIN) }
    }

    /// Replaces the sample by `new` if that is more exact, or if the two contradict each other.
    fn adopt(&self, new: Reading) {
        let mut current = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        let within = current.within + new.at.saturating_duration_since(current.at) / DRIFT;
        let expected = current.at(new.at);
        let difference = expected.since(new.told).max(new.told.since(expected));
        if difference > within + new.within {
            tracing::warn!(
                "the database's clock was set, or this process was suspended: the clock says {}, expected was {expected}",
                new.told
            );
            *current = new;
        } else if new.within <= within {
            *current = new;
        }
    }

    fn now_at(&self, moment: Instant) -> Timestamp {
        let now = self.reading.read().unwrap_or_else(PoisonError::into_inner).at(moment).millis();
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        self.now_at(Instant::now())
    }
}

async fn keep_reading(clock: Weak<DatabaseClock>, database: Database) {
    let mut ticks = interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if clock.strong_count() == 0 {
            return;
        }
        match (Reading::take(|| database.time()).await, clock.upgrade()) {
            (_, None) => return,
            (Ok(sample), Some(clock)) => clock.adopt(sample),
            (Err(error), Some(_)) => tracing::debug!(%error, "can't read the database's clock; trying again in 10 s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Timestamp = Timestamp::from_millis(1_779_718_113_000);
    const CLOSE: Duration = Duration::from_millis(2);

    fn reading(told: Timestamp, at: Instant) -> Reading {
        Reading { told, at, within: CLOSE }
    }

    fn after(millis: u64) -> Timestamp {
        TOLD + Duration::from_millis(millis)
    }

    #[test]
    fn it_goes_on_from_what_the_database_told() {
        let begun = Instant::now();
        let clock = DatabaseClock::at(reading(TOLD, begun));
        assert_eq!(clock.now_at(begun), TOLD);
        assert_eq!(clock.now_at(begun + Duration::from_secs(5)), after(5_000));
    }

    #[test]
    fn it_holds_still_where_the_databases_clock_goes_back() {
        let begun = Instant::now();
        let clock = DatabaseClock::at(reading(TOLD, begun));
        let moment = begun + Duration::from_secs(10);
        assert_eq!(clock.now_at(moment), after(10_000));
        clock.adopt(reading(after(7_000), moment));
        assert_eq!(clock.now_at(moment + Duration::from_secs(2)), after(10_000));
        assert_eq!(clock.now_at(moment + Duration::from_secs(4)), after(11_000));
    }

    #[test]
    fn a_reading_by_a_longer_round_trip_changes_nothing_until_the_better_one_has_aged() {
        let begun = Instant::now();
        let clock = DatabaseClock::at(reading(TOLD, begun));
        let worse = |seconds: u64| Reading {
            told: after(seconds * 1_000 + 3),
            at: begun + Duration::from_secs(seconds),
            within: Duration::from_millis(6),
        };
        clock.adopt(worse(10));
        assert_eq!(clock.now_at(begun + Duration::from_secs(10)), after(10_000));
        // A drift of 200 parts per million is 12 ms in 60 s.
        clock.adopt(worse(60));
        assert_eq!(clock.now_at(begun + Duration::from_secs(60)), after(60_003));
    }

    #[test]
    fn a_database_whose_clock_was_set_forward_is_followed_at_once() {
        let begun = Instant::now();
        let clock = DatabaseClock::at(reading(TOLD, begun));
        let moment = begun + Duration::from_secs(10);
        clock.adopt(Reading { told: after(100_000), at: moment, within: Duration::from_millis(50) });
        assert_eq!(clock.now_at(moment), after(100_000));
    }
}
