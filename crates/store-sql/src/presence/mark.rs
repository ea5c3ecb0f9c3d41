//! The moment up to which horizons may be told, kept in the database so that it outlives whoever told them.

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

/// How far ahead of the clock the mark is set, and so how far ahead the first stamps of a process that enters may be. Twice
/// this often a second it is set anew while lists are asked for, and never otherwise.
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
    /// What it was when last seen; it is never lower.
    known: AtomicI64,
    raising: Arc<Mutex<()>>,
}

impl Mark {
    pub(super) fn new(engine: Arc<Engine>, clock: Arc<dyn Clock>) -> Self {
        Self { engine, clock, known: AtomicI64::new(i64::MIN), raising: Arc::default() }
    }

    /// What it is, or a moment before all others where nothing was ever told.
    pub(super) async fn read(&self) -> Result<Timestamp, StoreError> {
        let read = self.engine.read((), |(), session| Box::pin(session.fetch_one(&READ, &[], |cells| cells.time())));
        let mark = read.await?.unwrap_or(Timestamp::MIN);
        self.note(mark);
        Ok(mark)
    }

    /// Notes what it was seen to be.
    pub(super) fn note(&self, mark: Timestamp) {
        self.known.fetch_max(mark.millis(), Ordering::Relaxed);
    }

    /// About the latest horizon that anybody told.
    pub(super) fn told(&self) -> Timestamp {
        self.known() - AHEAD
    }

    /// Sees to it that this horizon may be told. Where that fails an earlier one will be, which is as true.
    pub(super) async fn allow(self: &Arc<Self>, horizon: Timestamp) {
        if horizon + AHEAD / 2 <= self.known() {
            return;
        }
        // A horizon that is ahead of the clock already takes the mark no further than itself: else processes that enter
        // behind one another would drive it on.
        let mark = horizon.max(self.clock.now() + AHEAD);
        if horizon > self.known() {
            let _turn = self.raising.lock().await;
            self.raise(mark).await;
        } else if mark > self.known()
            && let Ok(turn) = Arc::clone(&self.raising).try_lock_owned()
        {
            // In good time, so that nobody waits for it.
            let this = Arc::clone(self);
            tokio::spawn(async move {
                this.raise(mark).await;
                drop(turn);
            });
        }
    }

    async fn raise(&self, mark: Timestamp) {
        if mark <= self.known() {
            return;
        }
        let values: [Value<'static>; 1] = [mark.millis().to_string().into()];
        match self.engine.write(values, |values, session| Box::pin(session.execute(&RAISE, values))).await {
            Ok(_) => self.note(mark),
            Err::<_, StoreError>(error) => {
                tracing::warn!(%error, "the mark of what lists are complete up to stays behind")
            }
        }
    }

    fn known(&self) -> Timestamp {
        Timestamp::from_millis(self.known.load(Ordering::Relaxed))
    }
}
