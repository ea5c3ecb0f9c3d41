//! The target of a copy.

use std::sync::Arc;

use kernel::{RecordStream, Timestamp};

use super::{
    super::copy_marker,
    CopyPurpose, TransferError,
    source::{Counts, counts_in, first_difference},
    tables::{COPIED, CopiedTable},
};
use crate::engine::{BatchStatement, Engine, Session, Value};

/// The number of rows in a transaction: enough that waiting for the disk takes only a small part of the time.
const ROWS_PER_TRANSACTION: usize = 512;

/// A row of any table.
pub(super) type Row = Vec<Value<'static>>;

/// Marks the database as the target of a copy. Returns whether it already was, by an unfinished copy.
pub(super) async fn begin(engine: &Engine, now: Timestamp) -> Result<bool, TransferError> {
    engine
        .write(now, |now, session| {
            Box::pin(async move {
                if copy_marker::is_copying(session).await? {
                    return Ok(true);
                }
                if has_installation(session).await? {
                    return Err(TransferError::TargetNotEmpty);
                }
                copy_marker::set(session, *now).await?;
                Ok(false)
            })
        })
        .await
}

/// Returns whether the database has an installation. The table `installation` has rows from the migrations on; all
/// others only once an installation was created.
async fn has_installation(session: &Session) -> Result<bool, TransferError> {
    for table in COPIED.iter().filter(|table| table.name != "installation") {
        if session.fetch_one(&table.select_any(), &[], |cells| cells.int()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Inserts the rows of a table, deleting the present ones first if `clear_first`. `report` is called with the number of
/// rows of each transaction.
pub(super) async fn fill(
    engine: &Engine,
    table: &CopiedTable,
    clear_first: bool,
    mut rows: Box<dyn RecordStream<Row>>,
    mut report: impl FnMut(u64),
) -> Result<(), TransferError> {
    let batch_statement = Arc::new(BatchStatement::insert_strict(table.name, &table.columns));
    let mut clear = clear_first.then(|| table.clear());
    let mut more = true;
    while more {
        let mut chunk: Vec<Row> = Vec::with_capacity(ROWS_PER_TRANSACTION);
        while more && chunk.len() < ROWS_PER_TRANSACTION {
            match rows.next().await? {
                Some(batch) => chunk.extend(batch),
                None => more = false,
            }
        }
        let count = chunk.len() as u64;
        let input = (clear.take(), Arc::clone(&batch_statement), chunk);
        let write = engine.write(input, |(clear, batch_statement, rows), session| {
            Box::pin(async move {
                if let Some(clear) = clear {
                    session.execute(clear, &[]).await?;
                }
                // No row may be rejected: a conflict is an error here.
                session.store_all(batch_statement, rows).await?;
                Ok::<_, TransferError>(())
            })
        });
        write.await?;
        report(count);
    }
    Ok(())
}

/// Deletes the marker if the target has every row, and marks a duplicate as one.
pub(super) async fn finish(
    engine: &Engine,
    copied: Counts,
    (purpose, now): (CopyPurpose, Timestamp),
) -> Result<(), TransferError> {
    engine
        .write((copied, purpose, now), |(copied, purpose, now), session| {
            Box::pin(async move {
                let counts = counts_in(session).await?;
                if let Some((table, source_rows, target_rows)) = first_difference(copied, &counts) {
                    return Err(TransferError::RowCountMismatch { table, source_rows, target_rows });
                }
                if *purpose == CopyPurpose::Duplicate {
                    copy_marker::mark_duplicate(session, *now).await?;
                }
                Ok(copy_marker::clear(session).await?)
            })
        })
        .await
}
