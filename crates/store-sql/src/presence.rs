//! The registration of this process among those that write to the same database, so that `X-As-Of` holds whichever
//! process writes.
//!
//! A process's own writes in flight hold back its low watermark (see [`kernel::TimestampOracle`]). For the writes of
//! other processes there are two things in the database, and a list reads both before its rows:
//!
//! * In `open_writes`, a [row](row) for each process that writes. The process commits no write that is stamped before
//!   the row's low watermark, and none at all once the row is deleted. A row counts as long as it exists. Any process
//!   that finds it expired deletes it, which waits for the commits in flight that have locked it.
//! * In `installation`, the [watermark ceiling](watermark_ceiling): no process returns a watermark above it. A process
//!   that registers inserts its row first and from then on stamps nothing before the ceiling, so it does not matter
//!   which watermarks were returned before others saw its row.
//!
//! Correctness therefore does not depend on clocks that agree or never step back. Only the time after which a silent
//! process is given up goes by a clock, the database's. A server that is alone over its SQLite file needs no row, since
//! no other process returns watermarks; commands beside it need one, and so do all processes over PostgreSQL.

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

use kernel::{Clock, StoreError, Timestamp, TimestampOracle};
use tokio::task::AbortHandle;
use ulid::Ulid;

use crate::engine::{Engine, Session, corrupt, unavailable};
use mark::Mark;
pub(crate) use row::{Seen, floor};

/// The role of a process towards its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server. Over SQLite there is at most one at a time.
    Server,
    /// A command that runs beside the server.
    Tool,
}

/// How long deregistration waits for commits in flight. If the row remains, other processes delete it later.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// The writes of this process in flight: changes of records, and audit entries of calls that change nothing. They are
/// tracked apart because reads are in flight all the time and do not matter to clients that catch up on records.
#[derive(Clone)]
pub(crate) struct InFlight {
    pub(crate) records: TimestampOracle,
    pub(crate) entries: TimestampOracle,
}

impl InFlight {
    fn by(clock: &Arc<dyn Clock>) -> Self {
        Self { records: TimestampOracle::new(Arc::clone(clock)), entries: TimestampOracle::new(Arc::clone(clock)) }
    }

    /// Returns the low watermark of both.
    pub(crate) fn horizon(&self) -> Timestamp {
        self.records.low_watermark().min(self.entries.low_watermark())
    }

    fn raise(&self, minimum: Timestamp) {
        self.records.advance_to(minimum);
        self.entries.advance_to(minimum);
    }
}

/// The registration of this process among those that write to the database.
pub(crate) struct Presence {
    shared: Arc<Shared>,
    renewal: AbortHandle,
}

/// The state that a process shares with its renewal task.
struct Shared {
    engine: Arc<Engine>,
    stamps: InFlight,
    mark: Arc<Mark>,
    process: Ulid,
    /// `None` if the process needs no row.
    entered: Option<Mutex<Entered>>,
    /// Whether no other process had a row when the renewal task last checked.
    alone: AtomicBool,
}

/// The row of a process. A process whose row was deleted because it expired registers again with another row.
#[derive(Clone, Copy, Debug)]
struct Entered {
    row: Ulid,
    /// Writes stamped earlier are refused: other processes may have read past them.
    floor: Timestamp,
}

impl Presence {
    /// Registers the process if its role requires that. Its timestamps follow every watermark that others returned
    /// before.
    pub(crate) async fn enter(
        engine: &Arc<Engine>,
        role: Role,
        clock: &Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<(Self, InFlight), StoreError> {
        let in_flight = InFlight::by(clock);
        let ceiling = Arc::new(Mark::new(Arc::clone(engine), Arc::clone(clock)));
        let is_sole_server = role == Role::Server && matches!(**engine, Engine::Sqlite(_));
        let registration = if is_sole_server {
            in_flight.raise(ceiling.read().await?);
            None
        } else {
            Some(Mutex::new(enter(engine, &in_flight, &ceiling, process).await?))
        };
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            stamps: in_flight.clone(),
            mark: ceiling,
            process,
            entered: registration,
            alone: AtomicBool::new(false),
        });
        let renewal = tokio::spawn(renewal::keep_up(Arc::clone(&shared))).abort_handle();
        Ok((Self { shared, renewal }, in_flight))
    }

    /// Returns the check with which a transaction that writes verifies this registration.
    pub(crate) fn check(&self) -> Check {
        Check { entered: self.shared.entered() }
    }

    /// Returns whether no other process was registered a second ago.
    pub(crate) fn alone(&self) -> bool {
        self.shared.alone.load(Ordering::Relaxed)
    }

    /// Returns the id of this process's row, or the id that the row would have.
    pub(crate) fn row(&self) -> Ulid {
        self.shared.row()
    }

    /// Prepares the watermark of a page before its snapshot is taken. `low_watermark` is this process's own.
    pub(crate) async fn horizon(&self, low_watermark: Timestamp) -> Horizon {
        self.shared.mark.allow(low_watermark).await;
        Horizon { here: low_watermark, mark: Arc::clone(&self.shared.mark) }
    }

    /// Returns the time before which no change can become visible any more. `low_watermark` is this process's own.
    pub(crate) async fn as_of(&self, engine: &Engine, low_watermark: Timestamp) -> Result<Timestamp, StoreError> {
        let watermark = self.horizon(low_watermark).await;
        let seen = engine.read(self.row(), |row, session| Box::pin(row::others(session, *row))).await?;
        watermark.told(seen)
    }

    /// Deletes the registration once the commits in flight have ended. Later commits are refused.
    pub(crate) async fn leave(&self) {
        self.renewal.abort();
        let Some(registration) = self.shared.entered() else { return };
        match tokio::time::timeout(LEAVE_WITHIN, row::remove(&self.shared.engine, registration.row)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not deregister this process: another will delete its registration");
            }
            Err(_) => tracing::warn!("a commit is still running: this process is deregistered when it has ended"),
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
        self.entered.as_ref().map(|registration| *registration.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the id of this process's row, or the id that the row would have.
    fn row(&self) -> Ulid {
        self.entered().map_or(self.process, |registration| registration.row)
    }

    /// Registers again after the row expired and another process deleted it.
    async fn enter_again(&self) -> Result<(), StoreError> {
        let Some(registration) = &self.entered else { return Ok(()) };
        // Each registration has a row of its own, so that a commit that was checked against the deleted row does not
        // mistake the new one for it.
        let row = Ulid(self.row().0.wrapping_add(1));
        let renewed = enter(&self.engine, &self.stamps, &self.mark, row).await?;
        *registration.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}

/// Inserts the row, and only then reads the watermark ceiling.
async fn enter(engine: &Engine, in_flight: &InFlight, ceiling: &Mark, row: Ulid) -> Result<Entered, StoreError> {
    let low_watermark = in_flight.horizon();
    row::insert(engine, row, low_watermark).await?;
    let low_watermark = low_watermark.max(ceiling.read().await?);
    in_flight.raise(low_watermark);
    Ok(Entered { row, floor: low_watermark })
}

/// The check that a transaction makes of its own process's registration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    entered: Option<Entered>,
}

impl Check {
    /// Locks the process's row until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when others may have read past `earliest`, the earliest of its timestamps.
    pub(crate) async fn hold(self, session: &Session, earliest: Timestamp) -> Result<(), StoreError> {
        let Some(Entered { row, floor }) = self.entered else { return Ok(()) };
        if earliest >= floor && row::hold(session, row).await? {
            return Ok(());
        }
        Err(unavailable("this process's registration expired, and others may have read past this write: try it again"))
    }
}

/// The watermark of a page in this process, before it is combined with those of other processes.
pub(crate) struct Horizon {
    here: Timestamp,
    mark: Arc<Mark>,
}

impl Horizon {
    /// Returns the time before which no change can become visible after the snapshot in which `seen` was read.
    pub(crate) fn told(&self, seen: Option<Seen>) -> Result<Timestamp, StoreError> {
        let Seen { floor, mark } = seen.ok_or_else(|| corrupt("a list's result has no row about other processes"))?;
        let mark = mark.unwrap_or(Timestamp::MIN);
        self.mark.note(mark);
        Ok(self.here.min(mark).min(floor.unwrap_or(Timestamp::MAX)))
    }
}
