//! The source of a copy: no other process may change it meanwhile.

use std::sync::LazyLock;

use kernel::StoreError;

use super::{TransferError, tables};
use crate::engine::{Engine, Session, Sql};

/// A registration that expires later than any does is from before the clock was set back.
static ACTIVE_WRITERS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now("SELECT count(*) FROM open_writes WHERE expires_at > {now} AND expires_at <= {now} + 60000")
});
static COUNT: LazyLock<Sql> = LazyLock::new(tables::count);

/// The number of rows of each table.
pub(super) type Counts = Vec<u64>;

/// The number of other processes that may write.
pub(super) async fn active_processes(engine: &Engine) -> Result<u64, StoreError> {
    let count = engine.read((), |(), session| Box::pin(session.fetch_one(&ACTIVE_WRITERS, &[], |cells| cells.count())));
    Ok(count.await?.unwrap_or_default())
}

/// Refuses the copy if another process may write.
pub(super) async fn ensure_idle(engine: &Engine) -> Result<(), TransferError> {
    match active_processes(engine).await? {
        0 => Ok(()),
        processes => Err(TransferError::SourceInUse { processes }),
    }
}

pub(super) async fn counts(engine: &Engine) -> Result<Counts, StoreError> {
    engine.read((), |(), session| Box::pin(counts_in(session))).await
}

pub(super) async fn counts_in(session: &Session) -> Result<Counts, StoreError> {
    let row = session.fetch_one(&COUNT, &[], |cells| tables::COPIED.iter().map(|_| cells.count()).collect()).await?;
    Ok(row.unwrap_or_default())
}

/// Returns the first table whose row counts differ, with both counts.
pub(super) fn first_difference(one: &Counts, other: &Counts) -> Option<(&'static str, u64, u64)> {
    let pairs = tables::COPIED.iter().zip(one.iter().zip(other));
    pairs.map(|(table, (one, other))| (table.name, *one, *other)).find(|(_, one, other)| one != other)
}
