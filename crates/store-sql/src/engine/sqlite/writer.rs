//! The thread that writes: what waits shares one transaction, and with it one wait for the disk.

use std::{
    sync::Arc,
    thread::park_timeout,
    time::{Duration, Instant},
};

use kernel::StoreError;

use super::{job::WriteJob, log::Log, queue::Queue};
use crate::engine::{Session, corrupt, failure::of_sqlite, shared, unavailable};

/// How many share a transaction at most.
const BATCH: usize = 64;
/// How far apart transactions begin while work waits for them, in the time that the last one took: whoever else asks
/// meanwhile comes along, and a wait for the disk costs more than the work of a few. A caller alone never waits for it,
/// since its next work comes after the answer.
const APART: u32 = 2;
/// How far apart they begin at most.
const AT_MOST_APART: Duration = Duration::from_millis(8);

pub(super) fn run(connection: rusqlite::Connection, queue: &Queue<Box<dyn WriteJob>>) {
    let mut session = Session::on_sqlite(connection);
    let mut jobs = Vec::with_capacity(BATCH);
    let mut log = Log::new();
    let mut last: Option<(Instant, Duration)> = None;
    loop {
        if let Some((began, took)) = last.filter(|_| (1..BATCH).contains(&queue.waiting())) {
            park_timeout((took * APART).min(AT_MOST_APART).saturating_sub(began.elapsed()));
        }
        if !queue.take(BATCH, &mut jobs) {
            break;
        }
        let began = Instant::now();
        let committed = transact(&mut session, &mut jobs).map_err(Arc::new);
        last = Some((began, began.elapsed()));
        for job in jobs.drain(..) {
            job.finish(committed.as_ref().copied().map_err(shared));
        }
        if let Session::Sqlite(session) = &session {
            log.bound(&mut session.connection());
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
    let outcome = each(session, jobs).and_then(|keep| if keep { batch(session, "COMMIT") } else { roll_back(session) });
    if outcome.is_err() {
        roll_back(session)?;
    }
    outcome
}

/// SQLite itself ends a transaction that meets a full disk or a failing one.
fn is_over(session: &Session) -> bool {
    matches!(session, Session::Sqlite(session) if session.connection().is_autocommit())
}

fn roll_back(session: &Session) -> Result<(), StoreError> {
    if is_over(session) { Ok(()) } else { batch(session, "ROLLBACK") }
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
        if is_over(session) {
            return Err(unavailable("the database gave the transaction up"));
        }
        if !good {
            batch(session, "ROLLBACK TO job")?;
        }
        batch(session, "RELEASE job")?;
        keep |= good;
    }
    Ok(keep)
}

fn batch(session: &Session, statement: &str) -> Result<(), StoreError> {
    let Session::Sqlite(session) = session else { return Err(corrupt("a statement for SQLite on PostgreSQL")) };
    let connection = session.connection();
    let mut prepared = connection.prepare_cached(statement).map_err(of_sqlite)?;
    let mut rows = prepared.query([]).map_err(of_sqlite)?;
    while rows.next().map_err(of_sqlite)?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;
    use crate::engine::{Sql, task::Task};

    type Outcome = Receiver<Result<u64, StoreError>>;

    /// A job that runs one statement, and says what became of it.
    fn job(statement: &'static str) -> (Box<dyn WriteJob>, Outcome) {
        let (tell, told) = channel();
        let task = Task::new(
            Sql::fixed(statement),
            |sql: &Sql, session: &mut Session| -> futures_util::future::BoxFuture<'_, Result<u64, StoreError>> {
                let touched = futures_util::FutureExt::now_or_never(session.execute(sql, &[]));
                Box::pin(std::future::ready(touched.expect("SQLite never waits")))
            },
            move |outcome| drop(tell.send(outcome)),
        );
        (Box::new(task), told)
    }

    #[test]
    fn when_the_disk_is_full_nobody_in_the_transaction_is_told_that_anything_was_stored_or_found() {
        let folder = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("small.db")).unwrap();
        connection.execute_batch("CREATE TABLE kept (id text PRIMARY KEY); PRAGMA max_page_count = 16;").unwrap();
        let mut session = Session::on_sqlite(connection);
        let (mut jobs, told): (Vec<_>, Vec<_>) = [
            "INSERT INTO kept VALUES ('one')",
            // It meets what the one before has not stored yet.
            "INSERT INTO kept VALUES ('one')",
            "INSERT INTO kept VALUES (hex(zeroblob(1000000)))",
            "INSERT INTO kept VALUES ('two')",
        ]
        .map(job)
        .into_iter()
        .unzip();
        let committed = transact(&mut session, &mut jobs).map_err(Arc::new);
        for job in jobs {
            job.finish(committed.as_ref().copied().map_err(shared));
        }
        for outcome in told {
            let refusal = outcome.recv().unwrap().unwrap_err();
            assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal}");
        }

        let (mut next, told): (Vec<_>, Vec<_>) = [job("INSERT INTO kept VALUES ('one')")].into_iter().unzip();
        assert!(transact(&mut session, &mut next).is_ok(), "the next write is unharmed");
        next.remove(0).finish(Ok(()));
        assert_eq!(told[0].recv().unwrap().unwrap(), 1);
    }
}
