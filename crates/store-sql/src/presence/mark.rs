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

use crate::engine::{Engine, Sql, Value};

/// How far ahead of the clock the ceiling is set, and so how far ahead the first timestamps of a new process may be.
/// While lists are requested, it is raised every half of this duration, and never otherwise.
const AHEAD: Duration = Duration::from_millis(500);

pub(super) const SELECT: &str = "SELECT CAST(value AS bigint) FROM installation WHERE key = 'told_before'";

static READ: LazyLock<Sql> = LazyLock::new(|| Sql::fixed(SELECT));
static RAISE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "INSERT INTO installation (key, value) VALUES ('told_before', ?) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value \
         WHERE CAST(installation.value AS bigint) < CAST(excluded.value AS bigint)",
    )
});

pub(super) struct Mark {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    /// The ceiling when last read; the stored one is never lower.
    known: AtomicI64,
    raising: Arc<Mutex<()>>,
}

impl Mark {
    pub(super) fn new(engine: Arc<Engine>, clock: Arc<dyn Clock>) -> Self {
        Self { engine, clock, known: AtomicI64::new(i64::MIN), raising: Arc::default() }
    }

    /// Returns the stored ceiling, or [`Timestamp::MIN`] if no watermark was ever returned.
    pub(super) async fn read(&self) -> Result<Timestamp, StoreError> {
        let read = self.engine.read((), |(), session| Box::pin(session.fetch_one(&READ, &[], |cells| cells.time())));
        let ceiling = read.await?.unwrap_or(Timestamp::MIN);
        self.note(ceiling);
        Ok(ceiling)
    }

    /// Records that the stored ceiling is at least this.
    pub(super) fn note(&self, ceiling: Timestamp) {
        self.known.fetch_max(ceiling.millis(), Ordering::Relaxed);
    }

    /// Returns approximately the latest watermark that any process has returned.
    pub(super) fn told(&self) -> Timestamp {
        self.known() - AHEAD
    }

    /// Raises the ceiling so that this watermark may be returned. If that fails, an earlier one will be, which is also
    /// valid.
    pub(super) async fn allow(self: &Arc<Self>, watermark: Timestamp) {
        if watermark + AHEAD / 2 <= self.known() {
            return;
        }
        // A watermark that is already ahead of the clock raises the ceiling no further than itself. Otherwise processes
        // that register one after another would drive it ever further ahead.
        let ceiling = watermark.max(self.clock.now() + AHEAD);
        if watermark > self.known() {
            let _guard = self.raising.lock().await;
            self.raise(ceiling).await;
        } else if ceiling > self.known()
            && let Ok(guard) = Arc::clone(&self.raising).try_lock_owned()
        {
            // Raised in advance, so that no request has to wait for it.
            let this = Arc::clone(self);
            tokio::spawn(async move {
                this.raise(ceiling).await;
                drop(guard);
            });
        }
    }

    async fn raise(&self, ceiling: Timestamp) {
        if ceiling <= self.known() {
            return;
        }
        let values: [Value<'static>; 1] = [ceiling.millis().to_string().into()];
        match self.engine.write(values, |values, session| Box::pin(session.execute(&RAISE, values))).await {
            Ok(_) => self.note(ceiling),
            Err::<_, StoreError>(error) => {
                tracing::warn!(%error, "could not raise the watermark ceiling: X-As-Of lags behind")
            }
        }
    }

    fn known(&self) -> Timestamp {
        Timestamp::from_millis(self.known.load(Ordering::Relaxed))
    }
}
