//! Group commit: runs the jobs of one class, each in a transaction of its own or several in one, until each is
//! completed. Each class has connections of its own, so that jobs waiting for a lock do not delay other classes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::StoreError;
use tokio::time::Instant;

use super::{
    backoff::Attempts,
    job::TransactionJob,
    transaction::{JobResult, TransactionResult, transact},
    write_pool::WritePool,
};
use crate::engine::{failure::FailureClass, shared_copy, unavailable};

/// The maximum number of jobs in one transaction.
const MAX_GROUP_SIZE: usize = 64;
/// The number of attempts at a group before its jobs are run in transactions of their own.
const MAX_GROUP_ATTEMPTS: usize = 2;
/// The maximum number of jobs that wait for a group; further jobs get [`StoreError::Unavailable`].
const MAX_QUEUED: usize = 4096;

type BoxedJob = Box<dyn TransactionJob>;

pub(super) struct GroupCommit {
    /// The connections for transactions of one job.
    single_pool: Arc<WritePool>,
    /// The connections for transactions that several jobs share.
    group_pool: Arc<WritePool>,
    /// The maximum time from the submission of a job until it has a connection.
    timeout: Duration,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<BoxedJob>,
    /// The number of tasks that run groups.
    running_groups: u32,
}

impl GroupCommit {
    pub(super) fn new(single_pool: Arc<WritePool>, group_pool: Arc<WritePool>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { single_pool, group_pool, timeout, queue: Mutex::default() })
    }

    /// Runs a job in a transaction of its own.
    pub(super) fn submit(self: &Arc<Self>, job: BoxedJob) {
        let this = Arc::clone(self);
        tokio::spawn(async move { this.run_single(job).await });
    }

    /// Runs a job in one transaction with other waiting jobs. It must send all its statements before the first is
    /// answered; otherwise it is run again in a transaction of its own.
    pub(super) fn submit_grouped(self: &Arc<Self>, job: BoxedJob) {
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_QUEUED {
            drop(queue);
            return job.finish(Err(unavailable("too many requests are waiting for the database; try again later")));
        }
        queue.waiting.push_back(job);
        if queue.running_groups < self.group_pool.count() {
            queue.running_groups += 1;
            let this = Arc::clone(self);
            tokio::spawn(async move {
                while let Some(jobs) = this.next_group() {
                    this.run_group(jobs).await;
                }
            });
        }
    }

    /// Takes the next group of waiting jobs. If there are none, returns `None` and counts the calling task as ended.
    fn next_group(&self) -> Option<Vec<BoxedJob>> {
        let mut queue = self.queue();
        let count = queue.waiting.len().min(MAX_GROUP_SIZE);
        if count == 0 {
            queue.running_groups -= 1;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }

    async fn run_group(self: &Arc<Self>, mut jobs: Vec<BoxedJob>) {
        for _ in 0..MAX_GROUP_ATTEMPTS {
            jobs = jobs.into_iter().filter_map(|job| self.reject_if_late(job)).collect();
            let Some(oldest) = jobs.iter().map(|job| job.submitted_at()).min() else { return };
            match self.transact(&self.group_pool, oldest, &mut jobs).await {
                Ok(TransactionResult::Committed) => finish(jobs.drain(..), &Ok(())),
                Ok(TransactionResult::Unknown(error)) | Err(error) => finish(jobs.drain(..), &Err(Arc::new(error))),
                Ok(TransactionResult::RolledBack(results)) => jobs = self.regroup(jobs, &results),
            }
        }
        jobs.into_iter().for_each(|job| self.submit(job));
    }

    /// Returns the jobs of a rolled-back group that may be retried as a group; completes the others or runs them alone.
    fn regroup(self: &Arc<Self>, jobs: Vec<BoxedJob>, results: &[JobResult]) -> Vec<BoxedJob> {
        let is_single = jobs.len() == 1;
        let mut retried = Vec::new();
        for (job, result) in jobs.into_iter().zip(results) {
            match result.failure {
                // The job timed out and returns that error itself.
                Some(FailureClass::LockTimeout) if !result.succeeded => job.finish(Ok(())),
                // The only job of the group failed by itself.
                None if is_single => job.finish(Ok(())),
                None if result.succeeded => retried.push(job),
                Some(failure) if !failure.is_caused_by_job() => retried.push(job),
                _ => self.submit(job),
            }
        }
        retried
    }

    async fn run_single(&self, job: BoxedJob) {
        let mut attempts = Attempts::default();
        let mut jobs = [job];
        let outcome = loop {
            let submitted_at = jobs[0].submitted_at();
            match self.transact(&self.single_pool, submitted_at, &mut jobs).await {
                Ok(TransactionResult::Committed) => break Ok(()),
                Ok(TransactionResult::Unknown(error)) | Err(error) => break Err(error),
                Ok(TransactionResult::RolledBack(results)) => {
                    let Some(JobResult { succeeded, failure: Some(failure) }) = results.first() else { break Ok(()) };
                    let has_time = submitted_at.elapsed() < self.timeout;
                    if failure.is_transient() && has_time && attempts.wait_for_retry().await {
                        continue;
                    }
                    break match (succeeded, failure.is_transient()) {
                        // The job returns its own error.
                        (false, _) => Ok(()),
                        (true, true) => Err(unavailable("the transaction conflicted with others on every attempt")),
                        // A node of a distributed database may be lost, for which there are many codes.
                        (true, false) => Err(unavailable("the transaction was rolled back when it was committed")),
                    };
                }
            }
        };
        let [job] = jobs;
        job.finish(outcome);
    }

    async fn transact(
        &self,
        pool: &WritePool,
        submitted_at: Instant,
        jobs: &mut [BoxedJob],
    ) -> Result<TransactionResult, StoreError> {
        let pooled = pool.acquire(submitted_at + self.timeout).await?;
        let result = transact(&pooled.connection, jobs).await;
        if !matches!(result, TransactionResult::Unknown(_)) {
            pooled.return_to_pool();
        }
        Ok(result)
    }

    /// Returns the job, unless it has waited for too long; then completes it with an error.
    fn reject_if_late(&self, job: BoxedJob) -> Option<BoxedJob> {
        if job.submitted_at().elapsed() <= self.timeout {
            return Some(job);
        }
        job.finish(Err(unavailable("the database stayed busy for too long; try again later")));
        None
    }

    pub(super) async fn close(&self) {
        self.group_pool.close().await;
        self.single_pool.close().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish(jobs: impl Iterator<Item = BoxedJob>, committed: &Result<(), Arc<StoreError>>) {
    for job in jobs {
        job.finish(committed.as_ref().copied().map_err(shared_copy));
    }
}
