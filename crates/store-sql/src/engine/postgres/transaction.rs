//! One transaction in two round trips: first all statements, then COMMIT or ROLLBACK.

use std::{sync::Arc, task::Poll};

use kernel::StoreError;

use super::{
    connection::Connection,
    job::TransactionJob,
    session::{Pipeline, PostgresSession},
};
use crate::engine::{
    Session,
    failure::{FailureClass, classify, outcome_unknown},
    pipeline::poll_once,
};

/// The result of a transaction.
pub(super) enum TransactionResult {
    Committed,
    /// The transaction was rolled back; nothing is stored.
    RolledBack(Vec<JobResult>),
    /// It is unknown whether the transaction was committed: running it again might store it twice.
    Unknown(StoreError),
}

/// The result of a job in a transaction that was rolled back.
#[derive(Clone, Copy)]
pub(super) struct JobResult {
    /// Whether the job itself succeeded.
    pub(super) succeeded: bool,
    pub(super) failure: Option<FailureClass>,
}

/// Runs the jobs in one transaction. A single job may send statements one after the other. Several jobs must send all
/// their statements before the first is answered, so that the database runs the jobs one after the other.
pub(super) async fn transact(connection: &Arc<Connection>, jobs: &mut [Box<dyn TransactionJob>]) -> TransactionResult {
    let pipeline = Arc::new(Pipeline::new(Arc::clone(connection)));
    let mut sessions: Vec<Session> =
        jobs.iter().map(|_| Session::Postgres(PostgresSession::new(Arc::clone(&pipeline)))).collect();
    let (begun, succeeded) = run_jobs(&pipeline, jobs, &mut sessions).await;
    let results = |failure: Option<FailureClass>| {
        let pairs = sessions.iter().zip(&succeeded);
        pairs
            .map(|(session, &succeeded)| JobResult { succeeded, failure: failure.or(session.first_failure()) })
            .collect()
    };
    if let Err(error) = begun {
        return TransactionResult::RolledBack(results(Some(classify(&error))));
    }
    if succeeded.iter().all(|succeeded| *succeeded) && sessions.iter().all(|session| session.first_failure().is_none())
    {
        return match pipeline.run_script("COMMIT").await {
            Ok(()) => TransactionResult::Committed,
            Err(error) if classify(&error) == FailureClass::ConnectionLost => {
                TransactionResult::Unknown(outcome_unknown(&error))
            }
            Err(error) => TransactionResult::RolledBack(results(Some(classify(&error)))),
        };
    }
    if pipeline.run_script("ROLLBACK").await.is_err() {
        connection.abort();
    }
    TransactionResult::RolledBack(results(None))
}

/// Sends BEGIN and runs the jobs. Returns the result of BEGIN and whether each job succeeded.
async fn run_jobs(
    pipeline: &Pipeline,
    jobs: &mut [Box<dyn TransactionJob>],
    sessions: &mut [Session],
) -> (Result<(), tokio_postgres::Error>, Vec<bool>) {
    let is_shared = jobs.len() > 1;
    let mut beginning = std::pin::pin!(pipeline.run_script("BEGIN"));
    let begun = poll_once(&mut beginning).await;
    let mut running: Vec<_> = jobs.iter_mut().zip(sessions).map(|(job, session)| job.run(session)).collect();
    let mut polled = Vec::with_capacity(running.len());
    for job in &mut running {
        polled.push(poll_once(job).await);
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
