//! The rows of processes that write, in the table `open_writes`.

use std::{sync::LazyLock, time::Duration};

use kernel::{StoreError, Timestamp};
use sea_query::{Expr, ExprTrait as _, LockType, Query};
use ulid::Ulid;

use super::mark;
use crate::{
    engine::{Cells, Engine, Session, Sql, Value},
    shape::place,
};

/// The time after its last renewal at which a row expires and others may delete it.
const HEEDED: Duration = Duration::from_secs(15);

/// Expiry goes by the database's clock, the only one that all processes share.
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::timed(
        "INSERT INTO open_writes (process_id, floor, expires_at) VALUES (?, ?, {now} + ?) \
         ON CONFLICT (process_id) DO UPDATE SET floor = excluded.floor, expires_at = excluded.expires_at",
    )
});
static RENEW: LazyLock<Sql> =
    LazyLock::new(|| Sql::timed("UPDATE open_writes SET floor = ?, expires_at = {now} + ? WHERE process_id = ?"));
static REMOVE: LazyLock<Sql> = LazyLock::new(|| Sql::fixed("DELETE FROM open_writes WHERE process_id = ?"));
static REMOVE_OVERDUE: LazyLock<Sql> =
    LazyLock::new(|| Sql::timed("DELETE FROM open_writes WHERE process_id = ? AND expires_at <= {now}"));
static OTHERS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::timed(
        "SELECT process_id, CAST(CASE WHEN expires_at <= {now} THEN 1 ELSE 0 END AS bigint) FROM open_writes WHERE process_id <> ? \
         ORDER BY process_id",
    )
});
/// Prevents the row from being deleted, but not from being renewed or locked by other transactions.
static HOLD: LazyLock<Sql> = LazyLock::new(|| {
    let mut row = Query::select();
    row.column("process_id").from("open_writes").and_where(Expr::col("process_id").eq(place()));
    Sql::built(row.lock(LockType::KeyShare))
});
/// One statement, so that the rows and the ceiling are from the same snapshot.
static FLOOR: LazyLock<Sql> = LazyLock::new(|| Sql::fixed(&format!("SELECT {}", floor("?"))));

/// Inserts the row.
pub(super) async fn insert(engine: &Engine, row: Ulid, low_watermark: Timestamp) -> Result<(), StoreError> {
    let values: [Value<'static>; 3] = [row.into(), low_watermark.into(), heeded()];
    engine.write(values, |values, session| Box::pin(session.execute(&INSERT, values))).await.map(drop)
}

/// Renews the row with the time before which the process commits nothing more. Returns whether the row still existed.
pub(super) async fn renew(engine: &Engine, row: Ulid, low_watermark: Timestamp) -> Result<bool, StoreError> {
    let values: [Value<'static>; 3] = [low_watermark.into(), heeded(), row.into()];
    engine.write(values, |values, session| Box::pin(session.execute(&RENEW, values))).await.map(|renewed| renewed == 1)
}

/// Deletes the row after the transactions that have locked it.
pub(super) async fn remove(engine: &Engine, row: Ulid) -> Result<(), StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    engine.write(values, |values, session| Box::pin(session.execute(&REMOVE, values))).await.map(drop)
}

/// Returns the rows of all other processes, and whether each has expired. `row` is this process's own.
pub(super) async fn rows_of_others(engine: &Engine, row: Ulid) -> Result<Vec<(Ulid, bool)>, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let read = |cells: &mut Cells<'_>| Ok((cells.ulid()?, cells.int()? == 1));
    engine.read((values, read), |(values, read), session| Box::pin(session.fetch(&OTHERS, values, read))).await
}

/// Deletes the row after the transactions that have locked it, if it is still expired. Returns whether it was.
pub(super) async fn remove_overdue(engine: &Engine, row: Ulid) -> Result<bool, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let removed = engine.write(values, |values, session| Box::pin(session.execute(&REMOVE_OVERDUE, values))).await?;
    Ok(removed == 1)
}

/// Locks the row until the transaction ends. Returns whether it exists.
pub(super) async fn hold(session: &Session, row: Ulid) -> Result<bool, StoreError> {
    let values = [row.into()];
    session.fetch_one(&HOLD, &values, |cells| cells.ulid()).await.map(|locked| locked.is_some())
}

/// Returns the columns, for a `SELECT`, of the lowest watermark of all rows but the one bound at `but`, and of the
/// ceiling.
pub(crate) fn floor(own_row: &str) -> String {
    format!(
        "(SELECT min(floor) FROM open_writes WHERE process_id <> {own_row}) AS floor, ({}) AS told_before",
        mark::SELECT
    )
}

/// The state of the other processes as a statement saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The lowest watermark of their rows.
    pub(super) floor: Option<Timestamp>,
    pub(super) mark: Option<Timestamp>,
}

impl Seen {
    /// Reads the columns of [`other_writers_columns`].
    pub(crate) fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self { floor: cells.opt_time()?, mark: cells.opt_time()? })
    }
}

/// Reads the state of all processes except the one that has this row.
pub(super) async fn others(session: &Session, row: Ulid) -> Result<Option<Seen>, StoreError> {
    session.fetch_one(&FLOOR, &[row.into()], Seen::read).await
}

fn heeded() -> Value<'static> {
    Value::Int(i64::try_from(HEEDED.as_millis()).unwrap_or(i64::MAX))
}
