//! The rows of processes that write, in the table `open_writes`.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use kernel::{StoreError, Timestamp};
use ulid::Ulid;

use super::watermark_ceiling;
use crate::{
    engine::{Engine, RowReader, Session, Sql, Value},
    installation_guard::InstallationGuard,
};

/// The time after its last renewal at which a row expires and others may delete it.
const TTL: Duration = Duration::from_secs(15);

/// Expiry goes by the database's clock, the only one that all processes share. A row that expires later than any would
/// is from before that clock was set back, and counts as expired, since its process may be gone: one that runs renews
/// its row every second.
const OVERDUE: &str = "(expires_at <= {now} OR expires_at > {now} + 60000)";

static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(
        "INSERT INTO open_writes (process_id, floor, expires_at) VALUES (?, ?, {now} + ?) \
         ON CONFLICT (process_id) DO UPDATE SET floor = excluded.floor, expires_at = excluded.expires_at",
    )
});
static RENEW: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now("UPDATE open_writes SET floor = ?, expires_at = {now} + ? WHERE process_id = ?")
});
static REMOVE: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM open_writes WHERE process_id = ?"));
static REMOVE_OVERDUE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text_with_now(&format!("DELETE FROM open_writes WHERE process_id = ? AND {OVERDUE}")));
static OTHER_ROWS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(&format!(
        "SELECT process_id, CAST(CASE WHEN {OVERDUE} THEN 1 ELSE 0 END AS bigint) FROM open_writes WHERE process_id <> ? \
         ORDER BY process_id"
    ))
});
static REGISTERED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now(&format!(
        "SELECT CAST(count(*) AS bigint), max(CASE WHEN {OVERDUE} THEN NULL ELSE floor END) FROM open_writes"
    ))
});
/// Finds no row in the database of another installation, which may have a copy of the row. The count is 0 as long as no
/// installation is expected.
static LOCK: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT process_id FROM open_writes WHERE process_id = ? \
         AND (SELECT count(*) FROM installation WHERE key = 'id' AND value = ?) = ?",
    )
    .with_key_share_lock()
});
/// One statement, so that the rows and the ceiling are from the same snapshot.
static OTHER_WRITERS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT (SELECT min(floor) FROM open_writes WHERE process_id <> ?), ({})",
        watermark_ceiling::SELECT
    ))
});

/// Inserts the row, unless the database is another installation's.
pub(super) async fn insert(
    engine: &Engine,
    guard: &Arc<InstallationGuard>,
    row: Ulid,
    low_watermark: Timestamp,
) -> Result<(), StoreError> {
    execute_guarded(engine, guard, &INSERT, [row.into(), low_watermark.into(), ttl()]).await.map(drop)
}

/// Renews the row with the time before which the process commits nothing more. Returns whether the row still existed.
pub(super) async fn renew(
    engine: &Engine,
    guard: &Arc<InstallationGuard>,
    row: Ulid,
    low_watermark: Timestamp,
) -> Result<bool, StoreError> {
    let values = [low_watermark.into(), ttl(), row.into()];
    execute_guarded(engine, guard, &RENEW, values).await.map(|renewed| renewed == 1)
}

async fn execute_guarded(
    engine: &Engine,
    guard: &Arc<InstallationGuard>,
    sql: &'static Sql,
    values: [Value<'static>; 3],
) -> Result<u64, StoreError> {
    let input = (Arc::clone(guard), sql, values);
    engine
        .write(input, |(guard, sql, values), session| {
            Box::pin(async move {
                guard.verify(session).await?;
                session.execute(sql, values).await
            })
        })
        .await
}

/// Deletes the row after the transactions that have locked it.
pub(super) async fn remove(engine: &Engine, row: Ulid) -> Result<(), StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    engine.write(values, |values, session| Box::pin(session.execute(&REMOVE, values))).await.map(drop)
}

/// Returns the rows of all other processes, and whether each has expired. `row` is this process's own.
pub(super) async fn other_rows(engine: &Engine, row: Ulid) -> Result<Vec<(Ulid, bool)>, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let read = |cells: &mut RowReader<'_>| Ok((cells.ulid()?, cells.int()? == 1));
    engine.read((values, read), |(values, read), session| Box::pin(session.fetch(&OTHER_ROWS, values, read))).await
}

/// Deletes the row after the transactions that have locked it, if it is still expired. Returns whether it was.
pub(super) async fn remove_overdue(engine: &Engine, row: Ulid) -> Result<bool, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let removed = engine.write(values, |values, session| Box::pin(session.execute(&REMOVE_OVERDUE, values))).await?;
    Ok(removed == 1)
}

/// Locks the row until the transaction ends. Returns whether it exists, in the database of this installation if one is
/// expected.
pub(super) async fn lock(session: &Session, row: Ulid, installation: Option<Ulid>) -> Result<bool, StoreError> {
    let id = installation.map_or(Value::text(""), Value::from);
    let values = [row.into(), id, Value::Int(i64::from(installation.is_some()))];
    session.fetch_one(&LOCK, &values, |cells| cells.ulid()).await.map(|locked| locked.is_some())
}

/// The state of the other processes as a statement saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OtherWriters {
    /// The lowest watermark of their rows.
    low_watermark: Option<Timestamp>,
    pub(super) ceiling: Option<Timestamp>,
}

impl OtherWriters {
    /// Reads the columns of [`OTHER_WRITERS`].
    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self { low_watermark: cells.opt_time()?, ceiling: cells.opt_time()? })
    }

    /// Returns the latest watermark that they allow.
    pub(super) fn watermark(self) -> Timestamp {
        self.low_watermark.unwrap_or(Timestamp::MAX).min(self.ceiling.unwrap_or(Timestamp::MIN))
    }

    /// Whether they do not hold this watermark back.
    pub(super) fn allow(self, watermark: Timestamp) -> bool {
        watermark <= self.watermark()
    }
}

/// The processes that have a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RegisteredWriters {
    /// Their number, with those whose row has expired.
    pub(crate) count: u64,
    /// The latest low watermark of those that run. Without long writes it is the time of their clock, up to a second ago.
    pub(crate) time: Option<Timestamp>,
}

/// Reads the processes that have a row.
pub(crate) async fn registered_writers(session: &Session) -> Result<RegisteredWriters, StoreError> {
    let read = |cells: &mut RowReader<'_>| Ok(RegisteredWriters { count: cells.count()?, time: cells.opt_time()? });
    session.fetch_one(&REGISTERED, &[], read).await.map(Option::unwrap_or_default)
}

/// Reads the state of all processes except the one that has this row.
pub(super) async fn other_writers(session: &Session, row: Ulid) -> Result<Option<OtherWriters>, StoreError> {
    session.fetch_one(&OTHER_WRITERS, &[row.into()], OtherWriters::read).await
}

fn ttl() -> Value<'static> {
    Value::Int(i64::try_from(TTL.as_millis()).unwrap_or(i64::MAX))
}
