//! What the other processes over the same database have in flight.
//!
//! A process's own writes in flight hold its horizon back (see [`kernel::Stamps`]). Those of others it learns from the
//! table `open_writes`, where each says from which moment on it may still store something. A server alone over its file
//! needs no row there; commands beside it do, and all processes over PostgreSQL.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use kernel::{Changeset, Clock, Stamps, StoreError, Timestamp};
use tokio::task::AbortHandle;
use ulid::Ulid;

use crate::engine::{Engine, Session, Sql, Value, unavailable};

/// What a process is to its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It serves. Over SQLite there is one at a time.
    Server,
    /// A command beside it.
    Tool,
}

/// How long others heed a process that says nothing more.
const HEEDED: Duration = Duration::from_secs(30);
/// How often it says it is still there.
const RENEWED: Duration = Duration::from_secs(2);
/// How far ahead of the clock a command begins to stamp. A server that has not yet seen its row may tell a horizon a little
/// ahead of the clock, because horizons lie after every stamp.
const HEADROOM: Duration = Duration::from_millis(10);
/// How long before others stop heeding it a process stops storing, for commits that take a while.
const MARGIN: Duration = Duration::from_secs(10);

/// Whether a process is still heeded goes by the database's clock, the only one all processes share.
static ENTER: LazyLock<Sql> = LazyLock::new(|| {
    Sql::timed(
        "INSERT INTO open_writes (process_id, floor, expires_at) VALUES (?, ?, {now} + ?) \
         ON CONFLICT (process_id) DO UPDATE SET floor = excluded.floor, expires_at = excluded.expires_at",
    )
});
static RENEW: LazyLock<Sql> = LazyLock::new(|| {
    Sql::timed("UPDATE open_writes SET floor = ?, expires_at = {now} + ? WHERE process_id = ? AND expires_at > {now}")
});
static LEAVE: LazyLock<Sql> = LazyLock::new(|| Sql::fixed("DELETE FROM open_writes WHERE process_id = ?"));
static HEEDED_STILL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::timed("SELECT floor FROM open_writes WHERE process_id = ? AND floor <= ? AND expires_at > {now} + ?")
});
static FLOOR: LazyLock<Sql> =
    LazyLock::new(|| Sql::timed("SELECT min(floor) FROM open_writes WHERE process_id <> ? AND expires_at > {now}"));

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
}

/// This process among those over the database.
pub(crate) struct Presence {
    process: Ulid,
    renewal: Option<AbortHandle>,
}

impl Presence {
    /// Enters the process, where its role asks for it. Its stamps lie after the moment others were told.
    pub(crate) async fn enter(
        engine: &Arc<Engine>,
        role: Role,
        clock: &Arc<dyn Clock>,
        process: Ulid,
    ) -> Result<(Self, InFlight), StoreError> {
        let alone = role == Role::Server && matches!(**engine, Engine::Sqlite(_));
        if alone {
            let presence = Self { process, renewal: None };
            return Ok((presence, InFlight::by(clock)));
        }
        let headroom = if role == Role::Tool { HEADROOM } else { Duration::ZERO };
        let floor = enter(engine, clock.now() + headroom, process).await?;
        let no_earlier: Arc<dyn Clock> = Arc::new(NoEarlier { clock: Arc::clone(clock), floor });
        let stamps = InFlight::by(&no_earlier);
        let renewal = tokio::spawn(renewal(Arc::clone(engine), Arc::clone(clock), stamps.clone(), process));
        let presence = Self { process, renewal: Some(renewal.abort_handle()) };
        Ok((presence, stamps))
    }

    /// For the transaction of a commit: whether others still wait for what it is stamped with.
    pub(crate) fn check(&self) -> Check {
        Check { process: self.renewal.is_some().then_some(self.process) }
    }

    /// For the time before the snapshot of a page: from which moment on other processes may still store something.
    pub(crate) fn floor(&self) -> FloorQuery {
        FloorQuery { values: [self.process.into()] }
    }

    /// Takes the process out again.
    pub(crate) async fn leave(&self, engine: &Engine) {
        let Some(renewal) = &self.renewal else { return };
        renewal.abort();
        let values: [Value<'static>; 1] = [self.process.into()];
        if let Err(error) = engine.write(values, |values, session| Box::pin(session.execute(&LEAVE, values))).await {
            tracing::warn!(%error, "the row of open writes stays until it expires");
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
    }
}

/// What a commit asks about its own process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    process: Option<Ulid>,
}

impl Check {
    pub(crate) async fn hold(self, session: &mut Session, changeset: &Changeset) -> Result<(), StoreError> {
        let Some(process) = self.process else { return Ok(()) };
        let values = [process.into(), changeset.at().into(), span(MARGIN)];
        match session.fetch_one(&HEEDED_STILL, &values, |cells| cells.int()).await? {
            Some(_) => Ok(()),
            None => {
                Err(unavailable("this process was not heard of for too long: others may have read past this write"))
            }
        }
    }
}

/// A query for the floor of other processes.
#[derive(Clone, Debug)]
pub(crate) struct FloorQuery {
    values: [Value<'static>; 1],
}

impl FloorQuery {
    pub(crate) async fn run(&self, session: &mut Session) -> Result<Option<Timestamp>, StoreError> {
        Ok(session.fetch_one(&FLOOR, &self.values, |cells| cells.opt_time()).await?.flatten())
    }
}

/// A clock that does not tell moments before the one others were told.
struct NoEarlier {
    clock: Arc<dyn Clock>,
    floor: Timestamp,
}

impl Clock for NoEarlier {
    fn now(&self) -> Timestamp {
        self.clock.now().max(self.floor)
    }
}

/// Enters the process with this floor.
async fn enter(engine: &Engine, floor: Timestamp, process: Ulid) -> Result<Timestamp, StoreError> {
    let values: [Value<'static>; 3] = [process.into(), floor.into(), span(HEEDED)];
    engine.write(values, |values, session| Box::pin(session.execute(&ENTER, values))).await?;
    Ok(floor)
}

/// Says again and again that the process is there, and from which moment on it may still store something.
async fn renewal(engine: Arc<Engine>, clock: Arc<dyn Clock>, stamps: InFlight, process: Ulid) {
    let mut ticks = tokio::time::interval(RENEWED);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = renew(&engine, clock.now(), &stamps, process).await {
            tracing::warn!(%error, "the row of open writes was not renewed");
        }
    }
}

async fn renew(engine: &Engine, now: Timestamp, stamps: &InFlight, process: Ulid) -> Result<(), StoreError> {
    let values: [Value<'static>; 3] = [stamps.horizon().into(), span(HEEDED), process.into()];
    let renewed = engine.write(values, |values, session| Box::pin(session.execute(&RENEW, values))).await?;
    if renewed == 0 {
        // Others have stopped heeding the process. What it stamped before the new floor is lost to it: commits check.
        enter(engine, now + HEADROOM, process).await?;
    }
    Ok(())
}

fn span(span: Duration) -> Value<'static> {
    Value::Int(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}
