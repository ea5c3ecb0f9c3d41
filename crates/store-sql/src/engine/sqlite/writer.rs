//! The thread that writes: what waits shares one transaction, and with it one wait for the disk.

use std::sync::Arc;

use kernel::StoreError;

use super::{job::WriteJob, queue::Queue};
use crate::engine::{Session, corrupt, failure::of_sqlite, unavailable};

/// How many share a transaction at most.
const BATCH: usize = 64;

pub(super) fn run(connection: rusqlite::Connection, queue: &Queue<Box<dyn WriteJob>>) {
    let mut session = Session::Sqlite(connection);
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.take(BATCH, &mut jobs) {
        let committed = transact(&mut session, &mut jobs).map_err(Arc::new);
        for job in jobs.drain(..) {
            job.finish(committed.as_ref().copied().map_err(shared));
        }
    }
    // Another process may still read: then the log stays, and the next one to open the file finds it.
    if let Err(error) = batch(&session, "PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the write-ahead log was not folded in");
    }
}

/// Runs the jobs in one transaction, each so that it can fail alone.
fn transact(session: &mut Session, jobs: &mut [Box<dyn WriteJob>]) -> Result<(), StoreError> {
    batch(session, "BEGIN IMMEDIATE")?;
    let outcome = each(session, jobs).and_then(|keep| batch(session, if keep { "COMMIT" } else { "ROLLBACK" }));
    if outcome.is_err()
        && let Session::Sqlite(connection) = session
        && !connection.is_autocommit()
    {
        batch(session, "ROLLBACK")?;
    }
    outcome
}

/// Says whether there is anything to keep.
fn each(session: &mut Session, jobs: &mut [Box<dyn WriteJob>]) -> Result<bool, StoreError> {
    if let [job] = jobs {
        return Ok(job.run(session));
    }
    let mut keep = false;
    for job in jobs {
        batch(session, "SAVEPOINT job")?;
        let good = job.run(session);
        if !good {
            batch(session, "ROLLBACK TO job")?;
        }
        batch(session, "RELEASE job")?;
        keep |= good;
    }
    Ok(keep)
}

fn batch(session: &Session, statement: &str) -> Result<(), StoreError> {
    let Session::Sqlite(connection) = session else { return Err(corrupt("a statement for SQLite on PostgreSQL")) };
    let mut prepared = connection.prepare_cached(statement).map_err(of_sqlite)?;
    let mut rows = prepared.query([]).map_err(of_sqlite)?;
    while rows.next().map_err(of_sqlite)?.is_some() {}
    Ok(())
}

/// One failure, told to everybody who shared the transaction.
fn shared(error: &Arc<StoreError>) -> StoreError {
    match &**error {
        StoreError::Unavailable(_) => unavailable(Arc::clone(error)),
        StoreError::Corrupt(_) => corrupt(Arc::clone(error)),
    }
}
