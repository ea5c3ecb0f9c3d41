//! One transaction, in two round trips: first everything up to the last statement, then COMMIT or ROLLBACK.

use std::{sync::Arc, task::Poll};

use kernel::StoreError;

use super::{
    connection::Connection,
    job::Job,
    session::{Line, PostgresSession},
};
use crate::engine::{
    Session,
    failure::{Trouble, of_postgres, trouble},
    in_order::begin,
};

/// How a transaction ended.
pub(super) enum Ending {
    Committed,
    /// Nothing is stored.
    Undone(Vec<Fate>),
    /// Nobody can tell whether anything is stored: doing it again might store it twice.
    Unknown(StoreError),
}

/// What became of a job in a transaction that was undone.
#[derive(Clone, Copy)]
pub(super) struct Fate {
    /// Whether the job itself succeeded.
    pub(super) good: bool,
    pub(super) trouble: Option<Trouble>,
}

/// Does the jobs in one transaction. Alone, a job may ask one thing after the other; several have their statements on their
/// way before the first is answered, so that the database does the jobs one after the other.
pub(super) async fn transact(connection: &Arc<Connection>, jobs: &mut [Box<dyn Job>]) -> Ending {
    let line = Arc::new(Line::on(Arc::clone(connection)));
    let mut sessions: Vec<Session> =
        jobs.iter().map(|_| Session::Postgres(PostgresSession::on(Arc::clone(&line)))).collect();
    let (begun, good) = all(&line, jobs, &mut sessions).await;
    let fates = |all: Option<Trouble>| {
        let each = sessions.iter().zip(&good);
        each.map(|(session, &good)| Fate { good, trouble: all.or(session.trouble()) }).collect()
    };
    if let Err(error) = begun {
        return Ending::Undone(fates(Some(trouble(&error))));
    }
    if good.iter().all(|good| *good) && sessions.iter().all(|session| session.trouble().is_none()) {
        return match line.run("COMMIT").await {
            Ok(()) => Ending::Committed,
            Err(error) if trouble(&error) == Trouble::Dead => Ending::Unknown(of_postgres(error)),
            Err(error) => Ending::Undone(fates(Some(trouble(&error)))),
        };
    }
    if line.run("ROLLBACK").await.is_err() {
        connection.cut();
    }
    Ending::Undone(fates(None))
}

/// BEGIN and the jobs, and whether each of them is good.
async fn all(
    line: &Line,
    jobs: &mut [Box<dyn Job>],
    sessions: &mut [Session],
) -> (Result<(), tokio_postgres::Error>, Vec<bool>) {
    let shared = jobs.len() > 1;
    let mut opening = std::pin::pin!(line.run("BEGIN"));
    let opened = begin(&mut opening).await;
    let mut working: Vec<_> = jobs.iter_mut().zip(sessions).map(|(job, session)| job.run(session)).collect();
    let mut done = Vec::with_capacity(working.len());
    for work in &mut working {
        done.push(begin(work).await);
    }
    if shared {
        line.close();
    }
    let opened = match opened {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => opening.await,
    };
    let mut good = Vec::with_capacity(working.len());
    for (work, done) in working.into_iter().zip(done) {
        good.push(match done {
            Poll::Ready(good) => good,
            Poll::Pending => work.await,
        });
    }
    (opened, good)
}
