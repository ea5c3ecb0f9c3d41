//! The rows of processes that store, in the table `open_writes`.

use std::{sync::LazyLock, time::Duration};

use kernel::{StoreError, Timestamp};
use sea_query::{Expr, ExprTrait as _, LockType, Query};
use ulid::Ulid;

use super::mark;
use crate::{
    engine::{Cells, Engine, Session, Sql, Value},
    shape::place,
};

/// How long a process may say nothing before others take its row away.
const HEEDED: Duration = Duration::from_secs(15);

/// Whether a row is overdue goes by the database's clock, the only one all processes share.
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
/// Keeps the row from being removed, and nobody from renewing it or from holding it as well.
static HOLD: LazyLock<Sql> = LazyLock::new(|| {
    let mut row = Query::select();
    row.column("process_id").from("open_writes").and_where(Expr::col("process_id").eq(place()));
    Sql::built(row.lock(LockType::KeyShare))
});
/// One statement, so that rows and mark are of one moment.
static FLOOR: LazyLock<Sql> = LazyLock::new(|| Sql::fixed(&format!("SELECT {}", floor("?"))));

/// Makes the row.
pub(super) async fn insert(engine: &Engine, row: Ulid, floor: Timestamp) -> Result<(), StoreError> {
    let values: [Value<'static>; 3] = [row.into(), floor.into(), heeded()];
    engine.write(values, |values, session| Box::pin(session.execute(&INSERT, values))).await.map(drop)
}

/// Says that the process is there, and from which moment on it may still store something. Says whether the row still is.
pub(super) async fn renew(engine: &Engine, row: Ulid, floor: Timestamp) -> Result<bool, StoreError> {
    let values: [Value<'static>; 3] = [floor.into(), heeded(), row.into()];
    engine.write(values, |values, session| Box::pin(session.execute(&RENEW, values))).await.map(|renewed| renewed == 1)
}

/// Removes the row, after the transactions that hold it.
pub(super) async fn remove(engine: &Engine, row: Ulid) -> Result<(), StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    engine.write(values, |values, session| Box::pin(session.execute(&REMOVE, values))).await.map(drop)
}

/// The rows of all processes but the one that has this row, and whether each was not heard of for too long.
pub(super) async fn rows_of_others(engine: &Engine, row: Ulid) -> Result<Vec<(Ulid, bool)>, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let read = |cells: &mut Cells<'_>| Ok((cells.ulid()?, cells.int()? == 1));
    engine.read((values, read), |(values, read), session| Box::pin(session.fetch(&OTHERS, values, read))).await
}

/// Removes the row, after the transactions that hold it, if it is overdue still. Says whether it was.
pub(super) async fn remove_overdue(engine: &Engine, row: Ulid) -> Result<bool, StoreError> {
    let values: [Value<'static>; 1] = [row.into()];
    let removed = engine.write(values, |values, session| Box::pin(session.execute(&REMOVE_OVERDUE, values))).await?;
    Ok(removed == 1)
}

/// Holds the row until the transaction ends. Says whether it is there.
pub(super) async fn hold(session: &Session, row: Ulid) -> Result<bool, StoreError> {
    let values = [row.into()];
    session.fetch_one(&HOLD, &values, |cells| cells.ulid()).await.map(|held| held.is_some())
}

/// For a `SELECT`: the lowest floor of all rows but the one bound at `but`, and the mark.
pub(crate) fn floor(but: &str) -> String {
    format!(
        "(SELECT min(floor) FROM open_writes WHERE process_id <> {but}) AS floor, ({}) AS told_before",
        mark::SELECT
    )
}

/// What a statement saw of other processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The lowest floor of their rows.
    pub(super) floor: Option<Timestamp>,
    pub(super) mark: Option<Timestamp>,
}

impl Seen {
    /// Reads the cells of [`floor`].
    pub(crate) fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self { floor: cells.opt_time()?, mark: cells.opt_time()? })
    }
}

/// What is seen of all processes but the one that has this row.
pub(super) async fn others(session: &Session, row: Ulid) -> Result<Option<Seen>, StoreError> {
    session.fetch_one(&FLOOR, &[row.into()], Seen::read).await
}

fn heeded() -> Value<'static> {
    Value::Int(i64::try_from(HEEDED.as_millis()).unwrap_or(i64::MAX))
}
