//! The writer thread. Waiting jobs share one transaction, and with it one wait for the disk.

use std::{
    sync::Arc,
    thread::park_timeout,
    time::{Duration, Instant},
};

use kernel::StoreError;

use super::{
    database_files::DatabaseFiles, displacement::Displacement, job::WriteJob, queue::Queue, stream::StreamCutter,
    wal_limiter::WalLimiter,
};
use crate::engine::{Session, corrupt, shared_copy, unavailable};

/// The maximum number of jobs in one transaction.
const MAX_JOBS: usize = 64;
/// The time between the starts of two transactions while jobs are waiting, as a multiple of the last one's duration.
/// Jobs that arrive meanwhile join the transaction, and a wait for the disk costs more than running a few jobs. A
/// single caller never waits for it, since it submits its next job after the previous result.
const SPACING_FACTOR: u32 = 2;
/// The maximum time between the starts of two transactions while jobs are waiting.
const MAX_SPACING: Duration = Duration::from_millis(8);

pub(super) fn run(
    connection: rusqlite::Connection,
    queue: &Queue<Box<dyn WriteJob>>,
    streams: StreamCutter,
    files: &DatabaseFiles,
) {
    let mut session = Session::from_sqlite(connection, files.damage());
    let mut jobs = Vec::with_capacity(MAX_JOBS);
    let mut displacement = Displacement::new(files, &session);
    let mut wal_limiter = WalLimiter::new(streams);
    let mut last: Option<(Instant, Duration)> = None;
    loop {
        if let Some((began, took)) = last.filter(|_| (1..MAX_JOBS).contains(&queue.waiting())) {
            park_timeout((took * SPACING_FACTOR).min(MAX_SPACING).saturating_sub(began.elapsed()));
        }
        if !queue.take(MAX_JOBS, &mut jobs) {
            break;
        }
        let began = Instant::now();
        let Transaction { committed, has_write_failed } = match displacement.check(&session) {
            Ok(()) => transact(&mut session, &mut jobs),
            Err(error) => Transaction::refused(error),
        };
        // Nothing is acknowledged that is not in the file at the path: it may have been displaced meanwhile.
        let committed = committed.and_then(|()| displacement.check(&session));
        displacement.count(jobs.len());
        let committed = committed.map_err(Arc::new);
        last = Some((began, began.elapsed()));
        for job in jobs.drain(..) {
            job.finish(committed.as_ref().copied().map_err(shared_copy));
        }
        // A checkpoint would spread damage.
        if let Session::Sqlite(session) = &session
            && !displacement.is_displaced()
        {
            if has_write_failed {
                wal_limiter.reclaim(&mut session.connection());
            }
            wal_limiter.enforce(&mut session.connection());
        }
    }
    if !displacement.may_close_with_checkpoint(&session) {
        return;
    }
    // Another process may still be reading. Then the log stays for the next process that opens the file.
    if let Err(error) = run_statement(&session, "PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "the write-ahead log was not checkpointed; the next start does it");
    }
}

/// The result of a transaction.
struct Transaction {
    committed: Result<(), StoreError>,
    /// Whether SQLite failed to write, as it does when the disk is full.
    has_write_failed: bool,
}

impl Transaction {
    const fn refused(error: StoreError) -> Self {
        Self { committed: Err(error), has_write_failed: false }
    }
}

/// Runs the jobs in one transaction, each in a savepoint so that it can fail alone.
fn transact(session: &mut Session, jobs: &mut [Box<dyn WriteJob>]) -> Transaction {
    if let Err(error) = run_statement(session, "BEGIN IMMEDIATE") {
        return Transaction::refused(error);
    }
    let ran = run_jobs(session, jobs);
    let has_ended = is_ended(session);
    let outcome = ran.and_then(|keep| if keep { run_statement(session, "COMMIT") } else { roll_back(session) });
    let has_write_failed = has_ended || outcome.is_err();
    let committed = match &outcome {
        Ok(()) => outcome,
        Err(_) => roll_back(session).and(outcome),
    };
    Transaction { committed, has_write_failed }
}

/// Whether SQLite has ended the transaction itself, as it does when the disk is full or fails.
fn is_ended(session: &Session) -> bool {
    matches!(session, Session::Sqlite(session) if session.connection().is_autocommit())
}

fn roll_back(session: &Session) -> Result<(), StoreError> {
    if is_ended(session) { Ok(()) } else { run_statement(session, "ROLLBACK") }
}

/// Runs the jobs. Returns whether any of them succeeded.
fn run_jobs(session: &mut Session, jobs: &mut [Box<dyn WriteJob>]) -> Result<bool, StoreError> {
    if let [job] = jobs {
        return Ok(job.run(session));
    }
    let mut any_succeeded = false;
    for job in jobs {
        run_statement(session, "SAVEPOINT job")?;
        let succeeded = job.run(session);
        if is_ended(session) {
            return Err(unavailable("SQLite rolled back the transaction, as it does when the disk is full or fails"));
        }
        if !succeeded {
            run_statement(session, "ROLLBACK TO job")?;
        }
        run_statement(session, "RELEASE job")?;
        any_succeeded |= succeeded;
    }
    Ok(any_succeeded)
}

fn run_statement(session: &Session, statement: &str) -> Result<(), StoreError> {
    let Session::Sqlite(session) = session else { return Err(corrupt("a SQLite statement was run on PostgreSQL")) };
    let store_error = |error| session.store_error(error);
    let connection = session.connection();
    let mut prepared = connection.prepare_cached(statement).map_err(store_error)?;
    let mut rows = prepared.query([]).map_err(store_error)?;
    while rows.next().map_err(store_error)?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::engine::{Sql, job::Job, sqlite::damage::Damage};

    type Outcome = Receiver<Result<u64, StoreError>>;

    /// A job that runs one statement, and the channel that receives its result.
    fn job(statement: &'static str) -> (Box<dyn WriteJob>, Outcome) {
        let (sender, outcome) = channel();
        let task = Job::new(
            Sql::from_text(statement),
            |sql: &Sql, session: &mut Session| -> futures_util::future::BoxFuture<'_, Result<u64, StoreError>> {
                let affected = futures_util::FutureExt::now_or_never(session.execute(sql, &[]));
                Box::pin(std::future::ready(affected.expect("SQLite never yields")))
            },
            move |result| drop(sender.send(result)),
        );
        (Box::new(task), outcome)
    }

    #[test]
    fn a_full_disk_fails_all_jobs_of_the_transaction_even_those_that_only_found_rows() {
        let folder = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("small.db")).unwrap();
        connection.execute_batch("CREATE TABLE items (id text PRIMARY KEY); PRAGMA max_page_count = 16;").unwrap();
        let mut session = Session::from_sqlite(connection, &Damage::new(folder.path()));
        let (mut jobs, outcomes): (Vec<_>, Vec<_>) = [
            "INSERT INTO items VALUES ('one')",
            // It conflicts with the previous row, which is not committed yet.
            "INSERT INTO items VALUES ('one')",
            "INSERT INTO items VALUES (hex(zeroblob(1000000)))",
            "INSERT INTO items VALUES ('two')",
        ]
        .map(job)
        .into_iter()
        .unzip();
        let Transaction { committed, has_write_failed } = transact(&mut session, &mut jobs);
        assert!(has_write_failed);
        let committed = committed.map_err(Arc::new);
        for job in jobs {
            job.finish(committed.as_ref().copied().map_err(shared_copy));
        }
        for outcome in outcomes {
            let error = outcome.recv().unwrap().unwrap_err();
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        }

        let (mut next, outcomes): (Vec<_>, Vec<_>) = [job("INSERT INTO items VALUES ('one')")].into_iter().unzip();
        assert!(transact(&mut session, &mut next).committed.is_ok(), "the next write must succeed");
        next.remove(0).finish(Ok(()));
        assert_eq!(outcomes[0].recv().unwrap().unwrap(), 1);
    }
}
