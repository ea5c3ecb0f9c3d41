//! Seeing jobs of one sort through, alone in a transaction or several in one, until each has its answer. Each sort has
//! connections of its own, so that those that wait for a lock are in nobody else's way.

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

/// How many share a transaction at most.
const GROUP: usize = 64;
/// How often a group is tried before each of it is done alone.
const TRIES: usize = 2;
/// How many may wait for a group; beyond, callers are told to come back.
const QUEUE: usize = 4096;

type Boxed = Box<dyn Job>;

pub(super) struct Lane {
    /// For transactions of one job.
    alone: Arc<Writers>,
    /// For transactions that several jobs share.
    together: Arc<Writers>,
    /// For how long a job is tried.
    patience: Duration,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Boxed>,
    /// How many groups are under way.
    groups: u32,
}

impl Lane {
    pub(super) fn over(alone: Arc<Writers>, together: Arc<Writers>, patience: Duration) -> Arc<Self> {
        Arc::new(Self { alone, together, patience, queue: Mutex::default() })
    }

    /// Does a job in a transaction of its own.
    pub(super) fn alone(self: &Arc<Self>, job: Boxed) {
        let lane = Arc::clone(self);
        tokio::spawn(async move { lane.do_alone(job).await });
    }

    /// Does a job in one transaction with others that wait. All its statements must be asked for before the first is
    /// answered, or it ends up alone after all.
    pub(super) fn together(self: &Arc<Self>, job: Boxed) {
        let mut queue = self.queue();
        if queue.waiting.len() >= QUEUE {
            drop(queue);
            return job.finish(Err(unavailable("too much work waits for the database")));
        }
        queue.waiting.push_back(job);
        if queue.groups < self.together.count() {
            queue.groups += 1;
            let lane = Arc::clone(self);
            tokio::spawn(async move {
                while let Some(jobs) = lane.next_group() {
                    lane.do_together(jobs).await;
                }
            });
        }
    }

    /// Takes what waits. Where nothing does, there is one group less.
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
                Ok(Ending::Undone(fates)) => jobs = self.parted(jobs, &fates),
            }
        }
        jobs.into_iter().for_each(|job| self.alone(job));
    }

    /// Keeps those that may be tried together again, and sees to the others.
    fn parted(self: &Arc<Self>, jobs: Vec<Boxed>, fates: &[Fate]) -> Vec<Boxed> {
        let only = jobs.len() == 1;
        let mut others = Vec::new();
        for (job, fate) in jobs.into_iter().zip(fates) {
            match fate.trouble {
                // It has waited for long enough, and says so itself.
                Some(Trouble::Waited) if !fate.good => job.finish(Ok(())),
                // It was alone with its failure.
                None if only => job.finish(Ok(())),
                None if fate.good => others.push(job),
                Some(trouble) if !trouble.is_its_own() => others.push(job),
                _ => self.alone(job),
            }
        }
        others
    }

    async fn do_alone(&self, job: Boxed) {
        let mut attempts = Attempts::default();
        let mut jobs = [job];
        let outcome = loop {
            let since = jobs[0].since();
            match self.transact(&self.alone, since, &mut jobs).await {
                Ok(Ending::Committed) => break Ok(()),
                Ok(Ending::Unknown(error)) | Err(error) => break Err(error),
                Ok(Ending::Undone(fates)) => {
                    let Some(Fate { good, trouble: Some(trouble) }) = fates.first() else { break Ok(()) };
                    if trouble.passes() && attempts.again().await {
                        continue;
                    }
                    break match (good, trouble.passes()) {
                        // It says itself what went wrong.
                        (false, _) => Ok(()),
                        (true, true) => Err(unavailable("the transaction crossed others each time")),
                        (true, false) => Err(corrupt("the transaction failed though its work did not")),
                    };
                }
            }
        };
        let [job] = jobs;
        job.finish(outcome);
    }

    async fn transact(&self, writers: &Writers, since: Instant, jobs: &mut [Boxed]) -> Result<Ending, StoreError> {
        let lease = writers.lend(since + self.patience).await?;
        let ending = transact(&lease.connection, jobs).await;
        if !matches!(ending, Ending::Unknown(_)) {
            lease.give_back();
        }
        Ok(ending)
    }

    /// Refuses a job that has waited for too long.
    fn in_time(&self, job: Boxed) -> Option<Boxed> {
        if job.since().elapsed() <= self.patience {
            return Some(job);
        }
        job.finish(Err(unavailable("the database was busy for too long")));
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
