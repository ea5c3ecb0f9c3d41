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
    job::Job,
    transaction::{Ending, Fate, transact},
    writers::Writers,
};
use crate::engine::{corrupt, failure::Trouble, shared, unavailable};

/// The maximum number of jobs in one transaction.
const GROUP: usize = 64;
/// The number of attempts at a group before its jobs are run in transactions of their own.
const TRIES: usize = 2;
/// The maximum number of jobs that wait for a group; further jobs get [`StoreError::Unavailable`].
const QUEUE: usize = 4096;

type Boxed = Box<dyn Job>;

pub(super) struct Lane {
    /// The connections for transactions of one job.
    alone: Arc<Writers>,
    /// The connections for transactions that several jobs share.
    together: Arc<Writers>,
    /// How long a job may wait for a connection, from its submission on.
    patience: Duration,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Boxed>,
    /// The number of tasks that run groups.
    groups: u32,
}

impl Lane {
    pub(super) fn over(single_pool: Arc<Writers>, group_pool: Arc<Writers>, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { alone: single_pool, together: group_pool, patience: timeout, queue: Mutex::default() })
    }

    /// Runs a job in a transaction of its own.
    pub(super) fn alone(self: &Arc<Self>, job: Boxed) {
        let this = Arc::clone(self);
        tokio::spawn(async move { this.do_alone(job).await });
    }

    /// Runs a job in one transaction with other waiting jobs. It must send all its statements before the first is
    /// answered; otherwise it is run again in a transaction of its own.
    pub(super) fn together(self: &Arc<Self>, job: Boxed) {
        let mut queue = self.queue();
        if queue.waiting.len() >= QUEUE {
            drop(queue);
            return job.finish(Err(unavailable("too many requests are waiting for the database; try again later")));
        }
        queue.waiting.push_back(job);
        if queue.groups < self.together.count() {
            queue.groups += 1;
            let this = Arc::clone(self);
            tokio::spawn(async move {
                while let Some(jobs) = this.next_group() {
                    this.do_together(jobs).await;
                }
            });
        }
    }

    /// Takes the next group of waiting jobs. If there are none, returns `None` and counts the calling task as ended.
    fn next_group(&self) -> Option<Vec<Boxed>> {
        let mut queue = self.queue();
        let count = queue.waiting.len().min(GROUP);
        if count == 0 {
            queue.groups -= 1;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }

    async fn do_together(self: &Arc<Self>, mut jobs: Vec<Boxed>) {
        for _ in 0..TRIES {
            jobs = jobs.into_iter().filter_map(|job| self.in_time(job)).collect();
            let Some(oldest) = jobs.iter().map(|job| job.since()).min() else { return };
            match self.transact(&self.together, oldest, &mut jobs).await {
                Ok(Ending::Committed) => finish(jobs.drain(..), &Ok(())),
                Ok(Ending::Unknown(error)) | Err(error) => finish(jobs.drain(..), &Err(Arc::new(error))),
                Ok(Ending::Undone(results)) => jobs = self.parted(jobs, &results),
            }
        }
        jobs.into_iter().for_each(|job| self.alone(job));
    }

    /// Returns the jobs of a rolled-back group that may be retried as a group; completes the others or runs them alone.
    fn parted(self: &Arc<Self>, jobs: Vec<Boxed>, results: &[Fate]) -> Vec<Boxed> {
        let is_single = jobs.len() == 1;
        let mut retried = Vec::new();
        for (job, result) in jobs.into_iter().zip(results) {
            match result.trouble {
                // The job timed out and returns that error itself.
                Some(Trouble::Waited) if !result.good => job.finish(Ok(())),
                // The only job of the group failed by itself.
                None if is_single => job.finish(Ok(())),
                None if result.good => retried.push(job),
                Some(failure) if !failure.is_its_own() => retried.push(job),
                _ => self.alone(job),
            }
        }
        retried
    }

    async fn do_alone(&self, job: Boxed) {
        let mut attempts = Attempts::default();
        let mut jobs = [job];
        let outcome = loop {
            let submitted_at = jobs[0].since();
            match self.transact(&self.alone, submitted_at, &mut jobs).await {
                Ok(Ending::Committed) => break Ok(()),
                Ok(Ending::Unknown(error)) | Err(error) => break Err(error),
                Ok(Ending::Undone(results)) => {
                    let Some(Fate { good: succeeded, trouble: Some(failure) }) = results.first() else { break Ok(()) };
                    if failure.passes() && attempts.again().await {
                        continue;
                    }
                    break match (succeeded, failure.passes()) {
                        // The job returns its own error.
                        (false, _) => Ok(()),
                        (true, true) => Err(unavailable("the transaction conflicted with others on every attempt")),
                        (true, false) => Err(corrupt("the transaction failed to commit although its work succeeded")),
                    };
                }
            }
        };
        let [job] = jobs;
        job.finish(outcome);
    }

    async fn transact(&self, pool: &Writers, submitted_at: Instant, jobs: &mut [Boxed]) -> Result<Ending, StoreError> {
        let pooled = pool.lend(submitted_at + self.patience).await?;
        let result = transact(&pooled.connection, jobs).await;
        if !matches!(result, Ending::Unknown(_)) {
            pooled.give_back();
        }
        Ok(result)
    }

    /// Returns the job, unless it has waited for too long; then completes it with an error.
    fn in_time(&self, job: Boxed) -> Option<Boxed> {
        if job.since().elapsed() <= self.patience {
            return Some(job);
        }
        job.finish(Err(unavailable("the database stayed busy for too long; try again later")));
        None
    }

    pub(super) async fn close(&self) {
        self.together.close().await;
        self.alone.close().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn finish(jobs: impl Iterator<Item = Boxed>, committed: &Result<(), Arc<StoreError>>) {
    for job in jobs {
        job.finish(committed.as_ref().copied().map_err(shared));
    }
}
