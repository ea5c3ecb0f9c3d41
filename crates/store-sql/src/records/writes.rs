//! Stores the records of a changeset, with one statement for each run of writes of one kind.

use std::{borrow::Borrow, collections::BTreeSet};

use kernel::{CommitError, Conflict, Kind, StoreError, Write};

use super::{statements::Statements, table::Table};
use crate::engine::{Session, Step, Value, corrupt, pipeline};

/// Stores the records in their order.
pub(crate) async fn store(session: &Session, writes: &[impl Borrow<Write> + Sync]) -> Result<(), CommitError> {
    for batch in split_on_repeats(writes) {
        let step = |run| -> Step<'_, CommitError> { Box::pin(store_run(session, run)) };
        pipeline(split_by_statement(batch).map(step).collect()).await?;
    }
    Ok(())
}

async fn store_run(session: &Session, run: &[impl Borrow<Write> + Sync]) -> Result<(), CommitError> {
    let Some(first) = run.first().map(Borrow::borrow) else { return Ok(()) };
    let statements = Statements::for_kind(first.record.kind());
    let rows = run.iter().map(|write| row(write.borrow())).collect::<Result<Vec<_>, _>>()?;
    let batch_statement = if first.expected.is_none() { &statements.insert } else { &statements.update };
    match session.store_all(batch_statement, &rows).await?.and_then(|rejected| run.get(rejected)) {
        Some(write) => Err(find_conflict(session, statements, write.borrow()).await?),
        None => Ok(()),
    }
}

/// Splits the writes before a record that was written earlier: no statement accepts a record twice, and the reason why
/// a write was rejected can only be found while no later write of the same record is in flight.
fn split_on_repeats<W: Borrow<Write>>(writes: &[W]) -> impl Iterator<Item = &[W]> {
    let mut written = BTreeSet::new();
    writes.chunk_by(move |before, write| {
        written.insert(before.borrow().meta.ulid());
        let repeated = written.contains(&write.borrow().meta.ulid());
        if repeated {
            written.clear();
        }
        !repeated
    })
}

/// Splits the writes where a new statement is needed: at another kind, and between inserts and updates.
fn split_by_statement<W: Borrow<Write>>(writes: &[W]) -> impl Iterator<Item = &[W]> {
    writes.chunk_by(|before, write| {
        let (before, write) = (before.borrow(), write.borrow());
        before.record.kind() == write.record.kind() && before.expected.is_none() == write.expected.is_none()
    })
}

/// Returns the conflict because of which a record was rejected.
async fn find_conflict(session: &Session, statements: &Statements, write: &Write) -> Result<CommitError, StoreError> {
    let (kind, id) = (write.record.kind(), write.meta.ulid());
    let values = [write.meta.organization.into(), write.meta.ulid().into()];
    let present = session.fetch_one(&statements.get, &values, |cells| {
        cells.text()?;
        cells.text()?;
        cells.revision()
    });
    // A record that the same transaction inserted is not the conflict.
    if present.await? != write.expected {
        return Ok(CommitError::Conflict(Conflict::Revision(kind, id)));
    }
    // Nothing else is unique. The record that had the key may have another one by now, from the same changeset.
    if let Some(value) = write.record.unique_value() {
        return Ok(CommitError::Conflict(Conflict::UniqueKey(kind, value.into_owned())));
    }
    Ok(corrupt(format!("the {kind} {id} was not stored although nothing conflicts with it")).into())
}

macro_rules! dispatch {
    ($($kind:ident => $record:ty,)*) => {
        fn row(write: &Write) -> Result<Vec<Value<'_>>, StoreError> {
            match write.record.kind() {
                $(Kind::$kind => row_of::<$record>(write),)*
            }
        }
    };
}
store::for_each_resource!(dispatch);

/// Returns the row of a record for the insert or update statement of its kind.
fn row_of<R: Table>(write: &Write) -> Result<Vec<Value<'_>>, StoreError> {
    let record = write.record.as_any().downcast_ref::<R>();
    let record = record.ok_or_else(|| corrupt(format!("a record whose kind is {} has another type", R::KIND)))?;
    let meta = &write.meta;
    let mut row = Vec::with_capacity(5 + R::COLUMNS.len());
    row.extend([meta.organization.into(), meta.ulid().into()]);
    match write.expected {
        None => row.extend([meta.revision.into(), meta.created_at.into(), meta.updated_at.into()]),
        Some(expected) => row.extend([expected.into(), meta.revision.into(), meta.updated_at.into()]),
    }
    record.bind(&mut row);
    Ok(row)
}
