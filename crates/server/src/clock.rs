//! The clocks: this machine's, and the database's for installations whose servers share a database.

mod database;
mod evidence;
mod replay;
mod steady;
mod uptime;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kernel::{Clock, StoreError, Timestamp};

pub(crate) use database::DatabaseClock;
pub(crate) use replay::ReplayClock;
pub(crate) use steady::SteadyClock;
pub(crate) use uptime::spawn_anchors;

/// How far a clock may jump ahead and be believed at once. A correction by NTP is far smaller.
pub(crate) const MAX_JUMP: Duration = Duration::from_secs(5 * 60);

/// Number of samples taken of another clock; the one with the shortest round trip is used.
const SAMPLES: usize = 5;

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Timestamp::from_millis(millis)
    }
}

/// A sample of another clock, with the moment on this process's monotonic clock at which it was taken.
#[derive(Clone, Copy, Debug)]
struct ClockSample {
    time: Timestamp,
    taken_at: Instant,
    /// Maximum error in either direction.
    max_error: Duration,
}

impl ClockSample {
    /// Reads the other clock several times and returns the sample with the shortest round trip, in the middle of which
    /// the clock is assumed to have been read.
    async fn measure<F: Future<Output = Result<Timestamp, StoreError>>>(
        read: impl Fn() -> F,
    ) -> Result<Self, StoreError> {
        let mut best: Option<Self> = None;
        for _ in 0..SAMPLES {
            let start = Instant::now();
            let time = read().await?;
            let half = start.elapsed() / 2;
            // The clock has a resolution of 1 ms.
            let sample = Self { time, taken_at: start + half, max_error: half + Duration::from_millis(1) };
            best = best.filter(|best| best.max_error <= sample.max_error).or(Some(sample));
        }
        best.ok_or_else(|| StoreError::Unavailable("the clock was not read".into()))
    }

    /// Extrapolates the other clock's time to `moment`.
    fn time_at(&self, moment: Instant) -> Timestamp {
        self.time + moment.saturating_duration_since(self.taken_at) - self.taken_at.saturating_duration_since(moment)
    }
}

/// Measures the offset of this machine's clock from another: milliseconds that it is ahead, and the maximum error.
///
/// # Errors
/// If the other clock can't be read.
pub(crate) async fn offset_from<F: Future<Output = Result<Timestamp, StoreError>>>(
    other: impl Fn() -> F,
) -> Result<(i64, Duration), StoreError> {
    let sample = ClockSample::measure(other).await?;
    let ahead = SystemClock.now().millis() - sample.time_at(Instant::now()).millis();
    Ok((ahead, sample.max_error))
}
