//! The watermark ceiling: the highest watermark that may be returned, stored in the database so that it outlives the
//! process that returned it.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, StoreError, Timestamp};
use tokio::sync::Mutex;

use crate::engine::{Engine, Sql, Value, unavailable};

/// The time by which the ceiling is set ahead of the clock, and by which the first timestamps of a new process may be.
/// While lists are requested, it is raised every half of this duration, otherwise once it is older than
/// [`MAX_STALENESS`].
const CEILING_LEAD: Duration = Duration::from_millis(500);

/// The maximum time for which an installation may have been out of use. A clock that is ahead by more is wrong: once a
/// watermark was returned by such a clock, every later change would get its time.
pub const MAX_PAUSE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The age at which a ceiling is raised in a process that returns no watermarks. An installation that is only written to
/// is in use as well, so its next process must not refuse the clock.
const MAX_STALENESS: Duration = Duration::from_secs(24 * 60 * 60);

/// The time by which the clock may be behind the ceiling unreported.
const MAX_CLOCK_DELAY: Duration = Duration::from_secs(5 * 60);

pub(super) const SELECT: &str = "SELECT CAST(value AS bigint) FROM installation WHERE key = 'told_before'";

static READ: LazyLock<Sql> = LazyLock::new(|| Sql::from_text(SELECT));
static RAISE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO installation (key, value) VALUES ('told_before', ?) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value \
         WHERE CAST(installation.value AS bigint) < CAST(excluded.value AS bigint)",
    )
});

pub(super) struct WatermarkCeiling {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    /// The ceiling when last read; the stored one is never lower.
    last_seen: AtomicI64,
    raise_lock: Arc<Mutex<()>>,
}

impl WatermarkCeiling {
    pub(super) fn new(engine: Arc<Engine>, clock: Arc<dyn Clock>) -> Self {
        Self { engine, clock, last_seen: AtomicI64::new(i64::MIN), raise_lock: Arc::default() }
    }

    /// Returns the stored ceiling, or [`Timestamp::MIN`] if no watermark was ever returned.
    pub(super) async fn read(&self) -> Result<Timestamp, StoreError> {
        let read = self.engine.read((), |(), session| Box::pin(session.fetch_one(&READ, &[], |cells| cells.time())));
        let ceiling = read.await?.unwrap_or(Timestamp::MIN);
        self.observe(ceiling);
        Ok(ceiling)
    }

    /// Compares the clock with the stored ceiling before this process issues its first timestamp, which the ceiling
    /// keeps forever: a clock that is far ahead is refused, one that is behind is reported.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the clock is further ahead than an installation is plausibly out of use.
    pub(super) async fn check_clock(&self) -> Result<(), StoreError> {
        let (ceiling, now) = (self.read().await?, self.clock.now());
        if ceiling > Timestamp::MIN && now > ceiling + MAX_PAUSE {
            return Err(unavailable(format!(
                "the clock says {now}, but the latest change was read at {ceiling}, more than a year before: set the clock; \
                 or, if it is right, run `novantra clock reset`"
            )));
        }
        if ceiling > now + MAX_CLOCK_DELAY {
            tracing::error!(
                "the clock says {now}, but changes were read up to {ceiling}: either it is behind, then set it; or it was \
                 ahead, then all changes get the time {ceiling} until the clock has caught up, or until you stop all servers \
                 and run `novantra clock reset`"
            );
        }
        Ok(())
    }

    /// Records that the stored ceiling is at least this.
    pub(super) fn observe(&self, ceiling: Timestamp) {
        self.last_seen.fetch_max(ceiling.millis(), Ordering::Relaxed);
    }

    /// Returns approximately the latest watermark that any process has returned.
    pub(super) fn latest_returned(&self) -> Timestamp {
        self.last_seen() - CEILING_LEAD
    }

    /// Raises the ceiling so that this watermark may be returned. If that fails, an earlier one will be, which is also
    /// valid.
    pub(super) async fn ensure_covers(self: &Arc<Self>, watermark: Timestamp) {
        if watermark + CEILING_LEAD / 2 <= self.last_seen() {
            return;
        }
        // A watermark that is already ahead of the clock raises the ceiling no further than itself. Otherwise processes
        // that register one after another would drive it ever further ahead.
        let ceiling = watermark.max(self.clock.now() + CEILING_LEAD);
        if watermark > self.last_seen() {
            let _guard = self.raise_lock.lock().await;
            self.raise(ceiling).await;
        } else if ceiling > self.last_seen()
            && let Ok(guard) = Arc::clone(&self.raise_lock).try_lock_owned()
        {
            // Raised in advance, so that no request has to wait for it.
            let this = Arc::clone(self);
            tokio::spawn(async move {
                this.raise(ceiling).await;
                drop(guard);
            });
        }
    }

    /// Raises a stale ceiling, as if this watermark were returned. One that was never stored is not needed.
    pub(super) async fn refresh(self: &Arc<Self>, watermark: Timestamp) -> Result<(), StoreError> {
        let stored = self.read().await?;
        if stored > Timestamp::MIN && watermark > stored + MAX_STALENESS {
            self.ensure_covers(watermark).await;
        }
        Ok(())
    }

    async fn raise(&self, ceiling: Timestamp) {
        if ceiling <= self.last_seen() {
            return;
        }
        let values: [Value<'static>; 1] = [ceiling.millis().to_string().into()];
        match self.engine.write(values, |values, session| Box::pin(session.execute(&RAISE, values))).await {
            Ok(_) => self.observe(ceiling),
            Err::<_, StoreError>(error) => {
                tracing::warn!(%error, "could not raise the watermark ceiling: X-As-Of lags behind")
            }
        }
    }

    fn last_seen(&self) -> Timestamp {
        Timestamp::from_millis(self.last_seen.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use store_contract::TestClock;

    use super::*;
    use crate::{engine::DatabaseUrl, schema::Database};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[tokio::test]
    async fn an_installation_that_is_only_written_to_can_be_opened_after_a_year() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseUrl::Sqlite(folder.path().join("written.db"))).await.unwrap();
        let clock = Arc::new(TestClock::new(TestClock::START));
        database.migrate(clock.now()).await.unwrap();
        let open = || Arc::new(WatermarkCeiling::new(Arc::clone(&database.engine), Arc::clone(&clock) as _));
        let server = open();
        server.refresh(clock.now()).await.unwrap();
        assert_eq!(server.read().await.unwrap(), Timestamp::MIN, "nothing was returned yet");
        server.ensure_covers(clock.now()).await;
        let listed = server.read().await.unwrap();
        server.refresh(clock.now()).await.unwrap();
        assert_eq!(server.read().await.unwrap(), listed, "it is not stale");
        for _ in 0..400 {
            clock.advance(DAY + Duration::from_secs(1));
            server.refresh(clock.now()).await.unwrap();
        }
        open().check_clock().await.unwrap();
        clock.advance(MAX_PAUSE + DAY);
        open().check_clock().await.unwrap_err();
    }
}
