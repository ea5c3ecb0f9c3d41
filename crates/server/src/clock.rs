//! The clocks there are: this machine's, and that of an installation whose servers share a database.

mod database;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kernel::{Clock, StoreError, Timestamp};

pub(crate) use database::DatabaseClock;

/// How many times another clock is asked, to keep what the shortest round trip told.
const TRIES: usize = 5;

/// The operating system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the time comes in")]
    fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Timestamp::from_millis(millis)
    }
}

/// What another clock told, and at which moment by this process's own measure.
#[derive(Clone, Copy, Debug)]
struct Reading {
    told: Timestamp,
    at: Instant,
    /// By how much it may be wrong, either way.
    within: Duration,
}

impl Reading {
    /// Asks a few times and keeps what came by the shortest round trip, taken to have been told in the middle of it.
    async fn take<F: Future<Output = Result<Timestamp, StoreError>>>(ask: impl Fn() -> F) -> Result<Self, StoreError> {
        let mut best: Option<Self> = None;
        for _ in 0..TRIES {
            let asked = Instant::now();
            let told = ask().await?;
            let half = asked.elapsed() / 2;
            // It is told in whole milliseconds.
            let reading = Self { told, at: asked + half, within: half + Duration::from_millis(1) };
            best = best.filter(|best| best.within <= reading.within).or(Some(reading));
        }
        best.ok_or_else(|| StoreError::Unavailable("nobody told the time".into()))
    }

    /// What the clock would tell at this moment of ours.
    fn at(&self, moment: Instant) -> Timestamp {
        self.told + moment.saturating_duration_since(self.at) - self.at.saturating_duration_since(moment)
    }
}

/// How far this machine's clock is from another, as milliseconds ahead of it, and by how much that may be wrong.
///
/// # Errors
/// When the other can't be asked.
pub(crate) async fn ahead_of<F: Future<Output = Result<Timestamp, StoreError>>>(
    other: impl Fn() -> F,
) -> Result<(i64, Duration), StoreError> {
    let reading = Reading::take(other).await?;
    let ahead = SystemClock.now().millis() - reading.at(Instant::now()).millis();
    Ok((ahead, reading.within))
}
