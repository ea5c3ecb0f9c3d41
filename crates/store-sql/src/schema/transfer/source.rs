//! The source of a copy: no other process may change it meanwhile.

use std::sync::LazyLock;

use kernel::StoreError;

use super::{TransferError, tables};
use crate::engine::{Engine, RowReader, Session, Sql, corrupt};

/// A registration that expires later than any does is from before the clock was set back.
static ACTIVE_WRITERS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text_with_now("SELECT count(*) FROM open_writes WHERE expires_at > {now} AND expires_at <= {now} + 60000")
});
static COUNT: LazyLock<Sql> = LazyLock::new(tables::count);

/// The number of rows of each table, and what else is compared.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) rows: Vec<u64>,
    sums: Vec<u64>,
}

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
    let read = |cells: &mut RowReader<'_>| {
        let rows = tables::COPIED.iter().map(|_| cells.count()).collect::<Result<_, _>>()?;
        Ok(Counts { rows, sums: tables::SUMS.iter().map(|_| cells.count()).collect::<Result<_, _>>()? })
    };
    let row = session.fetch_one(&COUNT, &[], read).await?;
    row.ok_or_else(|| corrupt("the query for the numbers of rows returned no row"))
}

/// Returns the first table whose row counts or sums differ, with both.
pub(super) fn first_difference(one: &Counts, other: &Counts) -> Option<(&'static str, u64, u64)> {
    let names = tables::COPIED.iter().map(|table| table.name).chain(tables::SUMS.iter().map(|(table, _)| *table));
    let all = |counts: &Counts| [&counts.rows[..], &counts.sums[..]].concat();
    let pairs = names.zip(all(one).into_iter().zip(all(other)));
    pairs.map(|(table, (one, other))| (table, one, other)).find(|(_, one, other)| one != other)
}
