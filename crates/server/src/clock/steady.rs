//! The machine's clock, without the jumps that no clock makes by itself.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use kernel::{Clock, StoreError, Timestamp};
use store_sql::Database;

use super::{MAX_JUMP, SystemClock, evidence::Evidence};

/// How long a clock must stay ahead after a longer jump before it is believed.
const CONFIRMATION: Duration = Duration::from_secs(10 * 60);

/// Follows the system's clock, except that a jump ahead by more than 5 min is believed only once it has lasted for 10
/// min: whatever a server stores meanwhile, the watermark above all, would keep that time for good. A clock that is set
/// back is followed at once, and so is its return to the time that was believed before. At the start it is believed unless
/// there is [`Evidence`] of an earlier time.
pub(crate) struct SteadyClock<C = SystemClock> {
    system: C,
    jumps: Mutex<JumpFilter>,
}

impl SteadyClock {
    /// Creates a clock that believes the system's, for data that no process has stored before.
    pub(crate) fn new() -> Self {
        let now = SystemClock.now();
        Self { system: SystemClock, jumps: Mutex::new(JumpFilter::new(now, Instant::now())) }
    }

    /// Creates a clock for this database.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub(crate) async fn start(database: &Database) -> Result<Self, StoreError> {
        Self::start_with(SystemClock, database).await
    }
}

impl<C: Clock> SteadyClock<C> {
    async fn start_with(system: C, database: &Database) -> Result<Self, StoreError> {
        let evidence = Evidence::collect(database, system.now(), None).await?;
        let (reading, moment) = (system.now(), Instant::now());
        Ok(Self { system, jumps: Mutex::new(JumpFilter::start(reading, moment, &evidence)) })
    }
}

impl<C: Clock> Clock for SteadyClock<C> {
    fn now(&self) -> Timestamp {
        let (reading, moment) = (self.system.now(), Instant::now());
        self.jumps.lock().unwrap_or_else(PoisonError::into_inner).filter(reading, moment)
    }
}

/// Tells which readings of a clock are believed.
#[derive(Debug)]
pub(super) struct JumpFilter {
    /// The latest reading that was believed, and when it was taken.
    believed: (Timestamp, Instant),
    /// The moment at which the clock was first too far ahead.
    ahead_since: Option<Instant>,
    /// The time that was believed before the clock was set back, and the moment of that.
    before_step_back: Option<(Timestamp, Instant)>,
}

impl JumpFilter {
    pub(super) fn new(reading: Timestamp, moment: Instant) -> Self {
        Self { believed: (reading, moment), ahead_since: None, before_step_back: None }
    }

    /// Creates a filter that believes the first reading unless there is evidence of an earlier time.
    pub(super) fn start(reading: Timestamp, moment: Instant, evidence: &Evidence) -> Self {
        match evidence.objection(reading) {
            None => Self::new(reading, moment),
            Some(objection) => {
                objection.log(reading, CONFIRMATION);
                Self { ahead_since: Some(moment), ..Self::new(objection.time, moment) }
            }
        }
    }

    /// Returns the latest reading that was believed.
    pub(super) fn believed(&self) -> Timestamp {
        self.believed.0
    }

    /// Whether the reading is too far ahead to be believed at once.
    pub(super) fn doubts(&self, reading: Timestamp, moment: Instant) -> bool {
        reading > time_after(self.believed, moment) + MAX_JUMP && !self.is_return(reading, moment)
    }

    /// Believes a reading that something else has confirmed.
    pub(super) fn believe(&mut self, reading: Timestamp, moment: Instant) {
        *self = Self::new(reading, moment);
    }

    /// Returns the reading if it is believed, otherwise the time that has passed since the last one that was.
    pub(super) fn filter(&mut self, reading: Timestamp, moment: Instant) -> Timestamp {
        let expected = time_after(self.believed, moment);
        if self.is_return(reading, moment) {
            self.before_step_back = None;
        } else if reading > expected + MAX_JUMP {
            let since = self.ahead_since.unwrap_or(moment);
            if moment.saturating_duration_since(since) < CONFIRMATION {
                if self.ahead_since.replace(since).is_none() {
                    tracing::error!(
                        "the clock was set ahead from {expected} to {reading}, or this process was suspended: the new time is \
                         used once it has lasted for {} min",
                        CONFIRMATION.as_secs() / 60
                    );
                }
                return expected;
            }
            tracing::warn!("the clock has stayed ahead: the time is {reading} from now on");
            self.before_step_back = None;
        } else if reading + MAX_JUMP < expected {
            self.remember_before_step_back(expected, moment);
        }
        self.ahead_since = None;
        self.believed = (reading, moment);
        reading
    }

    /// Whether the clock shows the time again that was believed before it was set back.
    fn is_return(&self, reading: Timestamp, moment: Instant) -> bool {
        self.before_step_back.is_some_and(|before| time_after(before, moment).distance(reading) <= MAX_JUMP)
    }

    /// Remembers the time before the first of several steps, unless that step has lasted as long as a confirmation.
    fn remember_before_step_back(&mut self, expected: Timestamp, moment: Instant) {
        let is_confirmed = |(_, since)| moment.saturating_duration_since(since) >= CONFIRMATION;
        if self.before_step_back.is_none_or(is_confirmed) {
            self.before_step_back = Some((expected, moment));
        }
    }
}

/// Returns the time at `moment` if it passes evenly since a reading.
fn time_after((reading, taken_at): (Timestamp, Instant), moment: Instant) -> Timestamp {
    reading + moment.saturating_duration_since(taken_at)
}

#[cfg(test)]
mod tests {
    use store_contract::TestClock;
    use store_sql::DatabaseUrl;

    use super::*;
    use crate::clock::uptime::{Uptime, UptimeAnchor};

    const START: Timestamp = Timestamp::from_millis(1_779_718_113_000);
    const YEARS: Duration = Duration::from_secs(50 * 365 * 24 * 60 * 60);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_clock_that_is_in_another_century_for_two_seconds_is_not_believed() {
        let start = Instant::now();
        let mut filter = JumpFilter::new(START, start);
        assert_eq!(filter.filter(START + seconds(60), start + seconds(60)), START + seconds(60));
        for second in 61..63 {
            let moment = start + seconds(second);
            assert_eq!(filter.filter(START + YEARS + seconds(second), moment), START + seconds(second));
        }
        assert_eq!(filter.filter(START + seconds(63), start + seconds(63)), START + seconds(63));
        assert_eq!(filter.ahead_since, None);
    }

    #[test]
    fn a_clock_that_stays_ahead_is_believed_after_ten_minutes() {
        let start = Instant::now();
        let mut filter = JumpFilter::new(START, start);
        let ahead = START + seconds(7200);
        assert_eq!(filter.filter(ahead, start), START);
        assert_eq!(filter.filter(ahead + seconds(599), start + seconds(599)), START + seconds(599));
        assert_eq!(filter.filter(ahead + seconds(600), start + seconds(600)), ahead + seconds(600));
        assert_eq!(filter.filter(ahead + seconds(601), start + seconds(601)), ahead + seconds(601));
    }

    #[test]
    fn a_correction_and_a_step_back_are_followed_at_once() {
        let start = Instant::now();
        let mut filter = JumpFilter::new(START, start);
        assert_eq!(filter.filter(START + seconds(301), start + seconds(1)), START + seconds(301));
        assert_eq!(filter.filter(START - seconds(7200), start + seconds(2)), START - seconds(7200));
        assert_eq!(filter.filter(START - seconds(7199), start + seconds(3)), START - seconds(7199));
    }

    #[test]
    fn a_return_from_a_step_back_is_believed_at_once_however_long_it_lasted() {
        let start = Instant::now();
        for lasted in [30, 1_000, 86_400] {
            let mut filter = JumpFilter::new(START, start);
            assert_eq!(filter.filter(START - seconds(7200), start), START - seconds(7200));
            // A second step does not replace what was believed before the first.
            assert_eq!(filter.filter(START - seconds(9000), start + seconds(1)), START - seconds(9000));
            let (other, moment) = (START + seconds(lasted + 301), start + seconds(lasted));
            assert!(filter.doubts(other, moment), "only the time before the step is believed");
            let right = START + seconds(lasted);
            assert!(!filter.doubts(right, moment));
            assert_eq!(filter.filter(right, moment), right);
            assert_eq!(filter.filter(right + seconds(1), moment + seconds(1)), right + seconds(1));
            assert!(filter.doubts(START + seconds(lasted + 7200), moment + seconds(2)), "other jumps are not believed");
        }
    }

    #[test]
    fn a_short_step_back_after_a_clock_was_put_right_is_returned_from_at_once() {
        let start = Instant::now();
        let mut filter = JumpFilter::new(START + seconds(7200), start);
        assert_eq!(filter.filter(START, start), START);
        let later = start + seconds(700);
        assert_eq!(filter.filter(START - seconds(3600), later), START - seconds(3600));
        assert_eq!(filter.filter(START + seconds(702), later + seconds(2)), START + seconds(702));
    }

    #[test]
    fn a_jump_that_was_confirmed_is_believed_at_once() {
        let start = Instant::now();
        let mut filter = JumpFilter::new(START, start);
        let ahead = START + seconds(7200);
        assert!(filter.doubts(ahead, start));
        assert_eq!(filter.filter(ahead, start), START);
        filter.believe(ahead, start);
        assert!(!filter.doubts(ahead + seconds(1), start + seconds(1)));
        assert_eq!(filter.filter(ahead + seconds(1), start + seconds(1)), ahead + seconds(1));
    }

    #[tokio::test]
    async fn a_clock_that_is_ahead_of_the_uptime_at_the_start_is_believed_after_ten_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("clock.db"))).await.unwrap();
        database.migrate(START).await.unwrap();
        let anchor = UptimeAnchor::new(START, Uptime::now().unwrap());
        database.store_clock_anchor(anchor.to_string()).await.unwrap();
        let ahead = START + seconds(200 * 86_400);
        let clock = SteadyClock::start_with(TestClock::new(ahead), &database).await.unwrap();
        assert!(clock.now().distance(START) < seconds(60), "{}", clock.now());
        {
            let mut jumps = clock.jumps.lock().unwrap();
            let moment = jumps.believed.1;
            assert_eq!(jumps.filter(ahead + seconds(599), moment + seconds(599)), jumps.believed() + seconds(599));
            assert_eq!(jumps.filter(ahead + seconds(600), moment + seconds(600)), ahead + seconds(600));
        }
        clock.system.set(START);
        assert_eq!(clock.now(), START, "a clock that is put right is followed");
    }
}
