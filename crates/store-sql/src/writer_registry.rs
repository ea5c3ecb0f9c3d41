//! The registration of this process among those that write to the same database, so that `X-As-Of` holds whichever
//! process writes.
//!
//! A process's own writes in flight hold back its low watermark (see [`kernel::TimestampOracle`]). For the writes of
//! other processes there are two things in the database, and a list reads both before its rows, or relies on what an
//! earlier one has read:
//!
//! * In `open_writes`, a [row] for each process that writes. The process commits no write whose timestamp is
//!   before the row's low watermark, and none at all once the row is deleted. A row counts as long as it exists. Any
//!   process that finds it expired deletes it, which waits for the commits in flight that have locked it.
//! * In `installation`, the [watermark ceiling](watermark_ceiling): no process returns a watermark above it. A process
//!   that registers inserts its row first, and from then on its timestamps are not before the ceiling, so it does not
//!   matter which watermarks were returned before others saw its row.
//!
//! Correctness therefore does not depend on clocks that agree or never step back. Only the time after which a silent
//! process is given up goes by a clock, the database's. A server that is alone over its SQLite file needs no row, since
//! no other process returns watermarks; commands beside it need one, and so do all processes over PostgreSQL.

mod renewal;
mod row;
mod watermark_ceiling;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Clock, StoreError, Timestamp, TimestampOracle};
use tokio::task::AbortHandle;
use ulid::Ulid;

use crate::{
    engine::{Engine, Session, corrupt, unavailable},
    installation_guard::InstallationGuard,
};
use row::OtherWriters;
pub(crate) use row::registered_writers;
pub use watermark_ceiling::MAX_PAUSE;
use watermark_ceiling::WatermarkCeiling;

/// The role of a process towards its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server. Over SQLite there is at most one at a time.
    Server,
    /// A command that runs beside the server.
    Command,
}

/// The maximum time that deregistration waits for commits in flight. If the row remains, other processes delete it.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(5);

/// The writes of this process in flight: changes of records, and audit entries of calls that change nothing. They are
/// tracked apart because reads are in flight all the time and do not matter to clients that catch up on records.
#[derive(Clone)]
pub(crate) struct InFlight {
    pub(crate) records: TimestampOracle,
    pub(crate) entries: TimestampOracle,
}

impl InFlight {
    fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { records: TimestampOracle::new(Arc::clone(clock)), entries: TimestampOracle::new(Arc::clone(clock)) }
    }

    /// Returns the low watermark of both.
    pub(crate) fn low_watermark(&self) -> Timestamp {
        self.records.low_watermark().min(self.entries.low_watermark())
    }

    fn advance_to(&self, minimum: Timestamp) {
        self.records.advance_to(minimum);
        self.entries.advance_to(minimum);
    }
}

/// The registration of this process among those that write to the database.
pub(crate) struct WriterRegistration {
    shared: Arc<Shared>,
    renewal: AbortHandle,
}

/// The state that a process shares with its renewal task.
struct Shared {
    engine: Arc<Engine>,
    guard: Arc<InstallationGuard>,
    in_flight: InFlight,
    ceiling: Arc<WatermarkCeiling>,
    process: Ulid,
    /// `None` if the process needs no row.
    registration: Option<Mutex<Registration>>,
    /// Whether no other process had a row when the renewal task last checked.
    is_sole_process: AtomicBool,
    /// The state of the other processes when a list last read it.
    other_writers: Mutex<Option<OtherWriters>>,
}

/// The row of a process. A process whose row was deleted because it expired registers again with another row.
#[derive(Clone, Copy, Debug)]
struct Registration {
    row: Ulid,
    /// Writes with an earlier timestamp are refused: other processes may have read past them.
    low_watermark: Timestamp,
}

impl WriterRegistration {
    /// Registers the process if its role requires that. Its timestamps follow every watermark that others returned
    /// before.
    pub(crate) async fn register(
        engine: &Arc<Engine>,
        guard: &Arc<InstallationGuard>,
        role: Role,
        clock: &Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<(Self, InFlight), StoreError> {
        let in_flight = InFlight::new(clock);
        let ceiling = Arc::new(WatermarkCeiling::new(Arc::clone(engine), Arc::clone(clock)));
        ceiling.check_clock().await?;
        let is_sole_server = role == Role::Server && matches!(**engine, Engine::Sqlite(_));
        let registration = if is_sole_server {
            in_flight.advance_to(ceiling.read().await?);
            None
        } else {
            Some(Mutex::new(register(engine, guard, &in_flight, &ceiling, process).await?))
        };
        let shared = Arc::new(Shared {
            engine: Arc::clone(engine),
            guard: Arc::clone(guard),
            in_flight: in_flight.clone(),
            ceiling,
            process,
            registration,
            is_sole_process: AtomicBool::new(false),
            other_writers: Mutex::default(),
        });
        let renewal = tokio::spawn(renewal::run(Arc::clone(&shared))).abort_handle();
        Ok((Self { shared, renewal }, in_flight))
    }

    /// Returns the check with which a transaction that writes verifies this registration.
    pub(crate) fn check(&self) -> RegistrationCheck {
        RegistrationCheck { registration: self.shared.registration(), installation: self.shared.guard.expected_id() }
    }

    /// Returns whether no other process was registered a second ago.
    pub(crate) fn is_sole_process(&self) -> bool {
        self.shared.is_sole_process.load(Ordering::Relaxed)
    }

    /// Prepares the watermark of a page before its snapshot is taken. `low_watermark` is this process's own.
    pub(crate) async fn watermark(&self, low_watermark: Timestamp) -> Watermark {
        self.shared.ceiling.ensure_covers(low_watermark).await;
        let is_settled = self.shared.other_writers().is_some_and(|others| others.allow(low_watermark));
        Watermark { local: low_watermark, is_settled, shared: Arc::clone(&self.shared) }
    }

    /// Returns the time before which no change can become visible any more. `low_watermark` is this process's own.
    pub(crate) async fn as_of(&self, low_watermark: Timestamp) -> Result<Timestamp, StoreError> {
        let watermark = self.watermark(low_watermark).await;
        if watermark.is_settled {
            return Ok(low_watermark);
        }
        self.shared.engine.read(watermark, |watermark, session| Box::pin(watermark.resolve(session))).await
    }

    /// Deletes the registration once the commits in flight have ended. Later commits are refused.
    pub(crate) async fn deregister(&self) {
        self.renewal.abort();
        let Some(registration) = self.shared.registration() else { return };
        match tokio::time::timeout(DEREGISTER_TIMEOUT, row::remove(&self.shared.engine, registration.row)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not deregister this process: another will delete its registration");
            }
            Err(_) => tracing::warn!("a commit is still running: this process is deregistered when it has ended"),
        }
    }
}

impl Drop for WriterRegistration {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Shared {
    fn registration(&self) -> Option<Registration> {
        self.registration.as_ref().map(|registration| *registration.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the id of this process's row, or the id that the row would have.
    fn row_id(&self) -> Ulid {
        self.registration().map_or(self.process, |registration| registration.row)
    }

    /// The state of the other processes when a list last read it.
    fn other_writers(&self) -> MutexGuard<'_, Option<OtherWriters>> {
        self.other_writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers again after the row expired and another process deleted it.
    async fn register_again(&self) -> Result<(), StoreError> {
        let Some(registration) = &self.registration else { return Ok(()) };
        // Each registration has a row of its own, so that a commit that was checked against the deleted row does not
        // mistake the new one for it.
        let row = Ulid(self.row_id().0.wrapping_add(1));
        let renewed = register(&self.engine, &self.guard, &self.in_flight, &self.ceiling, row).await?;
        *registration.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}

/// Inserts the row, and only then reads the watermark ceiling.
async fn register(
    engine: &Engine,
    guard: &Arc<InstallationGuard>,
    in_flight: &InFlight,
    ceiling: &WatermarkCeiling,
    row: Ulid,
) -> Result<Registration, StoreError> {
    let low_watermark = in_flight.low_watermark();
    row::insert(engine, guard, row, low_watermark).await?;
    let low_watermark = low_watermark.max(ceiling.read().await?);
    in_flight.advance_to(low_watermark);
    Ok(Registration { row, low_watermark })
}

/// The check that a transaction makes of its own process's registration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegistrationCheck {
    registration: Option<Registration>,
    /// The installation whose database it must be, once that is known.
    installation: Option<Ulid>,
}

impl RegistrationCheck {
    /// Locks the process's row until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when others may have read past `earliest`, the earliest of its timestamps, or the database
    /// is another installation's.
    pub(crate) async fn lock(self, session: &Session, earliest: Timestamp) -> Result<(), StoreError> {
        let Some(Registration { row, low_watermark: floor }) = self.registration else { return Ok(()) };
        if earliest >= floor && row::lock(session, row, self.installation).await? {
            return Ok(());
        }
        Err(unavailable("this process's registration expired, and others may have read past this write: try it again"))
    }
}

/// The watermark of a page in this process, before it is combined with those of other processes.
pub(crate) struct Watermark {
    local: Timestamp,
    /// Whether the other processes are known not to hold it back.
    is_settled: bool,
    shared: Arc<Shared>,
}

impl Watermark {
    /// Returns the time before which no change can become visible in a snapshot that is taken after this was first
    /// polled. It sends a statement only if the state of the other processes that was read last may hold the time back.
    ///
    /// That state may be of any age. A process that it shows commits nothing before the low watermark that it shows for
    /// it, and one that registered since stamps nothing before the ceiling that it shows.
    pub(crate) async fn resolve(&self, session: &Session) -> Result<Timestamp, StoreError> {
        if self.is_settled {
            return Ok(self.local);
        }
        let others = row::other_writers(session, self.shared.row_id())
            .await?
            .ok_or_else(|| corrupt("the query of the other processes returned no row"))?;
        if let Some(ceiling) = others.ceiling {
            self.shared.ceiling.observe(ceiling);
        }
        *self.shared.other_writers() = Some(others);
        Ok(self.local.min(others.watermark()))
    }
}
