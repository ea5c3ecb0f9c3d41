//! The database an installation moves to.

use std::sync::Arc;

use kernel::{Batches, Timestamp};

use super::{
    TransferError, mark,
    source::{Counts, counts_in, difference},
    tables::{MOVED, Moved},
};
use crate::engine::{Bulk, Engine, Session, Value};

/// How many rows share a transaction: so many that waiting for the disk is not most of it.
const ROWS: usize = 512;

/// A row, whatever its columns.
pub(super) type Row = Vec<Value<'static>>;

/// Marks the database as the target of a copy. Says whether it was already, by a copy that broke off.
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

/// What is said of an installation as a whole is there from its schema on; all else it has once it was begun.
async fn is_occupied(session: &Session) -> Result<bool, TransferError> {
    for table in MOVED.iter().filter(|table| table.name != "installation") {
        if session.fetch_one(&table.any(), &[], |cells| cells.int()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stores the rows of a table, emptied before where that is asked for. `moved` is told of each transaction's rows.
pub(super) async fn fill(
    engine: &Engine,
    table: &Moved,
    emptied: bool,
    mut rows: Box<dyn Batches<Row>>,
    mut moved: impl FnMut(u64),
) -> Result<(), TransferError> {
    let bulk = Arc::new(Bulk::plain(table.name, &table.columns));
    let mut clear = emptied.then(|| table.clear());
    let mut more = true;
    while more {
        let mut taken: Vec<Row> = Vec::with_capacity(ROWS);
        while more && taken.len() < ROWS {
            match rows.next().await? {
                Some(batch) => taken.extend(batch),
                None => more = false,
            }
        }
        let count = taken.len() as u64;
        let given = (clear.take(), Arc::clone(&bulk), taken);
        let write = engine.write(given, |(clear, bulk, rows), session| {
            Box::pin(async move {
                if let Some(clear) = clear {
                    session.execute(clear, &[]).await?;
                }
                // None is left out: one that clashed would be an error.
                session.store(bulk, rows).await?;
                Ok::<_, TransferError>(())
            })
        });
        write.await?;
        moved(count);
    }
    Ok(())
}

/// Takes the mark off, if every row has come.
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
