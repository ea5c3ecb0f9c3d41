//! One transaction in two round trips: first all statements, then COMMIT or ROLLBACK.

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

/// The result of a transaction.
pub(super) enum Ending {
    Committed,
    /// The transaction was rolled back; nothing is stored.
    Undone(Vec<Fate>),
    /// It is unknown whether the transaction was committed: running it again might store it twice.
    Unknown(StoreError),
}

/// The result of a job in a transaction that was rolled back.
#[derive(Clone, Copy)]
pub(super) struct Fate {
    /// Whether the job itself succeeded.
    pub(super) good: bool,
    pub(super) trouble: Option<Trouble>,
}

/// Runs the jobs in one transaction. A single job may send statements one after the other. Several jobs must send all
/// their statements before the first is answered, so that the database runs the jobs one after the other.
pub(super) async fn transact(connection: &Arc<Connection>, jobs: &mut [Box<dyn Job>]) -> Ending {
    let pipeline = Arc::new(Line::on(Arc::clone(connection)));
    let mut sessions: Vec<Session> =
        jobs.iter().map(|_| Session::Postgres(PostgresSession::on(Arc::clone(&pipeline)))).collect();
    let (begun, succeeded) = all(&pipeline, jobs, &mut sessions).await;
    let results = |failure: Option<Trouble>| {
        let pairs = sessions.iter().zip(&succeeded);
        pairs.map(|(session, &succeeded)| Fate { good: succeeded, trouble: failure.or(session.trouble()) }).collect()
    };
    if let Err(error) = begun {
        return Ending::Undone(results(Some(trouble(&error))));
    }
    if succeeded.iter().all(|succeeded| *succeeded) && sessions.iter().all(|session| session.trouble().is_none()) {
        return match pipeline.run("COMMIT").await {
            Ok(()) => Ending::Committed,
            Err(error) if trouble(&error) == Trouble::Dead => Ending::Unknown(of_postgres(error)),
            Err(error) => Ending::Undone(results(Some(trouble(&error)))),
        };
    }
    if pipeline.run("ROLLBACK").await.is_err() {
        connection.cut();
    }
    Ending::Undone(results(None))
}

/// Sends BEGIN and runs the jobs. Returns the result of BEGIN and whether each job succeeded.
async fn all(
    pipeline: &Line,
    jobs: &mut [Box<dyn Job>],
    sessions: &mut [Session],
) -> (Result<(), tokio_postgres::Error>, Vec<bool>) {
    let is_shared = jobs.len() > 1;
    let mut beginning = std::pin::pin!(pipeline.run("BEGIN"));
    let begun = begin(&mut beginning).await;
    let mut running: Vec<_> = jobs.iter_mut().zip(sessions).map(|(job, session)| job.run(session)).collect();
    let mut polled = Vec::with_capacity(running.len());
    for job in &mut running {
        polled.push(begin(job).await);
    }
    if is_shared {
        pipeline.close();
    }
    let begun = match begun {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => beginning.await,
    };
    let mut succeeded = Vec::with_capacity(running.len());
    for (job, polled) in running.into_iter().zip(polled) {
        succeeded.push(match polled {
            Poll::Ready(job_succeeded) => job_succeeded,
            Poll::Pending => job.await,
        });
    }
    (begun, succeeded)
}
