//! The target of a copy.

use std::sync::Arc;

use kernel::{RecordStream, Timestamp};

use super::{
    TransferError, mark,
    source::{Counts, counts_in, difference},
    tables::{MOVED, Moved},
};
use crate::engine::{Bulk, Engine, Session, Value};

/// The number of rows in a transaction: enough that waiting for the disk takes only a small part of the time.
const ROWS: usize = 512;

/// A row of any table.
pub(super) type Row = Vec<Value<'static>>;

/// Marks the database as the target of a copy. Returns whether it already was, by an unfinished copy.
pub(super) async fn begin(engine: &Engine, now: Timestamp) -> Result<bool, TransferError> {
    engine
        .write(now, |now, session| {
            Box::pin(async move {
                if mark::stands(session).await? {
                    return Ok(true);
                }
                if is_occupied(session).await? {
                    return Err(TransferError::Occupied);
                }
                mark::set(session, *now).await?;
                Ok(false)
            })
        })
        .await
}

/// Returns whether the database has an installation. The table `installation` has rows from the migrations on; all
/// others only once an installation was created.
async fn is_occupied(session: &Session) -> Result<bool, TransferError> {
    for table in MOVED.iter().filter(|table| table.name != "installation") {
        if session.fetch_one(&table.any(), &[], |cells| cells.int()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Inserts the rows of a table, deleting the present ones first if `clear_first`. `report` is called with the number of
/// rows of each transaction.
pub(super) async fn fill(
    engine: &Engine,
    table: &Moved,
    clear_first: bool,
    mut rows: Box<dyn RecordStream<Row>>,
    mut report: impl FnMut(u64),
) -> Result<(), TransferError> {
    let bulk = Arc::new(Bulk::plain(table.name, &table.columns));
    let mut clear = clear_first.then(|| table.clear());
    let mut more = true;
    while more {
        let mut chunk: Vec<Row> = Vec::with_capacity(ROWS);
        while more && chunk.len() < ROWS {
            match rows.next().await? {
                Some(batch) => chunk.extend(batch),
                None => more = false,
            }
        }
        let count = chunk.len() as u64;
        let input = (clear.take(), Arc::clone(&bulk), chunk);
        let write = engine.write(input, |(clear, bulk, rows), session| {
            Box::pin(async move {
                if let Some(clear) = clear {
                    session.execute(clear, &[]).await?;
                }
                // No row may be rejected: a conflict is an error here.
                session.store(bulk, rows).await?;
                Ok::<_, TransferError>(())
            })
        });
        write.await?;
        report(count);
    }
    Ok(())
}

/// Deletes the marker if the target has every row.
pub(super) async fn finish(engine: &Engine, copied: Counts) -> Result<(), TransferError> {
    engine
        .write(copied, |copied, session| {
            Box::pin(async move {
                let there = counts_in(session).await?;
                if let Some((table, here, there)) = difference(copied, &there) {
                    return Err(TransferError::Differs { table, here, there });
                }
                Ok(mark::take_off(session).await?)
            })
        })
        .await
}
