//! This process among those over the same database, so that `X-As-Of` holds whoever writes.
//!
//! A process's own writes in flight hold its horizon back (see [`kernel::Stamps`]). For those of others, two things stand
//! in the database, and a list reads both before its rows:
//!
//! * In `open_writes`, a [row](row) for each process that stores: it stores nothing that is stamped before the row's floor,
//!   and nothing at all once the row is gone. A row is heeded as long as it is there. Whoever finds it overdue takes it
//!   away, which waits for the commits in flight that hold on to it.
//! * In `installation`, the [mark](mark): nobody tells a horizon past it. Who enters makes its row first and then stamps
//!   nothing before the mark, so it does not matter what was told before its row was seen.
//!
//! So nothing hangs on clocks that agree, or never step back. Only how long a silent process is waited for goes by a clock,
//! the database's. A server alone over its SQLite file needs no row, since it is the only one that tells horizons; commands
//! beside it do, and so do all processes over PostgreSQL.

mod mark;
mod renewal;
mod row;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, Stamps, StoreError, Timestamp};
use tokio::task::AbortHandle;
use ulid::Ulid;

use crate::engine::{Engine, Session, corrupt, unavailable};
use mark::Mark;
pub(crate) use row::{Seen, floor};

/// What a process is to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves. Over SQLite there is one at a time.
    Server,
    /// A command beside it.
    Tool,
}

/// How long leaving waits for commits in flight. A row that stays is taken away by others.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// What this process has in flight: changes of records, and audit entries of calls that change nothing. They are told
/// apart, because reads are in flight all the time and are no matter to who catches up on records.
#[derive(Clone)]
pub(crate) struct InFlight {
    pub(crate) records: Stamps,
    pub(crate) entries: Stamps,
}

impl InFlight {
    fn by(clock: &Arc<dyn Clock>) -> Self {
        Self { records: Stamps::new(Arc::clone(clock)), entries: Stamps::new(Arc::clone(clock)) }
    }

    /// The horizon of both.
    pub(crate) fn horizon(&self) -> Timestamp {
        self.records.horizon().min(self.entries.horizon())
    }

    fn raise(&self, floor: Timestamp) {
        self.records.raise(floor);
        self.entries.raise(floor);
    }
}

/// This process among those over the database.
pub(crate) struct Presence {
    shared: Arc<Shared>,
    renewal: AbortHandle,
}

/// What a process and its renewal both know.
struct Shared {
    engine: Arc<Engine>,
    stamps: InFlight,
    mark: Arc<Mark>,
    process: Ulid,
    /// None where the process needs no row.
    entered: Option<Mutex<Entered>>,
    /// Whether no other process had a row at the last look.
    alone: AtomicBool,
}

/// The row that a process stands by. A process that was taken for gone enters again under another.
#[derive(Clone, Copy, Debug)]
struct Entered {
    row: Ulid,
    /// What is stamped earlier is lost: others may have read past it.
    floor: Timestamp,
}

impl Presence {
    /// Enters the process, where its role asks for it. Its stamps lie after every horizon that others were told before.
    pub(crate) async fn enter(
        engine: &Arc<Engine>,
        role: Role,
        clock: &Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<(Self, InFlight), StoreError> {
        let stamps = InFlight::by(clock);
        let mark = Arc::new(Mark::new(Arc::clone(engine), Arc::clone(clock)));
        let alone = role == Role::Server && matches!(**engine, Engine::Sqlite(_));
        let entered = if alone {
            stamps.raise(mark.read().await?);
            None
        } else {
            Some(Mutex::new(enter(engine, &stamps, &mark, process).await?))
        };
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            stamps: stamps.clone(),
            mark,
            process,
            entered,
            alone: AtomicBool::new(false),
        });
        let renewal = tokio::spawn(renewal::keep_up(Arc::clone(&shared))).abort_handle();
        Ok((Self { shared, renewal }, stamps))
    }

    /// For a transaction that stores: whether others still wait for what it is stamped with.
    pub(crate) fn check(&self) -> Check {
        Check { entered: self.shared.entered() }
    }

    /// Whether no other process was there a second ago.
    pub(crate) fn alone(&self) -> bool {
        self.shared.alone.load(Ordering::Relaxed)
    }

    /// The row of this process, or what its row would be called.
    pub(crate) fn row(&self) -> Ulid {
        self.shared.row()
    }

    /// For the time before the snapshot of a page, whose horizon in this process is this one.
    pub(crate) async fn horizon(&self, horizon: Timestamp) -> Horizon {
        self.shared.mark.allow(horizon).await;
        Horizon { here: horizon, mark: Arc::clone(&self.shared.mark) }
    }

    /// The moment no change stamped before can become visible after this, whose horizon in this process is this one.
    pub(crate) async fn as_of(&self, engine: &Engine, horizon: Timestamp) -> Result<Timestamp, StoreError> {
        let horizon = self.horizon(horizon).await;
        let seen = engine.read(self.row(), |row, session| Box::pin(row::others(session, *row))).await?;
        horizon.told(seen)
    }

    /// Takes the process out again, once its commits in flight have ended. What it commits from now on is refused.
    pub(crate) async fn leave(&self) {
        self.renewal.abort();
        let Some(entered) = self.shared.entered() else { return };
        match tokio::time::timeout(LEAVE_WITHIN, row::remove(&self.shared.engine, entered.row)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the row of open writes stays until others take it away"),
            Err(_) => tracing::warn!("a commit is still under way: the row of open writes stays until it has ended"),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Shared {
    fn entered(&self) -> Option<Entered> {
        self.entered.as_ref().map(|entered| *entered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The row of this process, or what its row would be called.
    fn row(&self) -> Ulid {
        self.entered().map_or(self.process, |entered| entered.row)
    }

    /// Enters again, after others took the process for gone.
    async fn enter_again(&self) -> Result<(), StoreError> {
        let Some(entered) = &self.entered else { return Ok(()) };
        // A row of its own for each time, so that a commit that was checked against the one that is gone can't take the
        // new one for it.
        let row = Ulid(self.row().0.wrapping_add(1));
        let again = enter(&self.engine, &self.stamps, &self.mark, row).await?;
        *entered.lock().unwrap_or_else(PoisonError::into_inner) = again;
        Ok(())
    }
}

/// Makes the row, and only then looks how far others were told.
async fn enter(engine: &Engine, stamps: &InFlight, mark: &Mark, row: Ulid) -> Result<Entered, StoreError> {
    let floor = stamps.horizon();
    row::insert(engine, row, floor).await?;
    let floor = floor.max(mark.read().await?);
    stamps.raise(floor);
    Ok(Entered { row, floor })
}

/// What a transaction asks about its own process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    entered: Option<Entered>,
}

impl Check {
    /// Holds on to the row of the process until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when others may have read past what is stamped with the `earliest` of its moments.
    pub(crate) async fn hold(self, session: &Session, earliest: Timestamp) -> Result<(), StoreError> {
        let Some(Entered { row, floor }) = self.entered else { return Ok(()) };
        if earliest >= floor && row::hold(session, row).await? {
            return Ok(());
        }
        Err(unavailable("this process was not heard of for too long: others may have read past this write"))
    }
}

/// The horizon of a page in this process, and what it takes to tell it.
pub(crate) struct Horizon {
    here: Timestamp,
    mark: Arc<Mark>,
}

impl Horizon {
    /// The moment no change stamped before can become visible after the snapshot in which this was `seen` of other processes.
    pub(crate) fn told(&self, seen: Option<Seen>) -> Result<Timestamp, StoreError> {
        let Seen { floor, mark } = seen.ok_or_else(|| corrupt("a list says nothing of other processes"))?;
        let mark = mark.unwrap_or(Timestamp::MIN);
        self.mark.note(mark);
        Ok(self.here.min(mark).min(floor.unwrap_or(Timestamp::MAX)))
    }
}
