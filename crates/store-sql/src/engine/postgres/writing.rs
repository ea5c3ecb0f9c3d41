//! Seeing jobs through: alone in a transaction, or several in one, until each has its answer.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::join_all;
use kernel::StoreError;

use super::{
    backoff::Attempts,
    job::Job,
    transaction::{Ending, Fate, transact},
    writers::Writers,
};
use crate::engine::{corrupt, shared, unavailable};

/// How many share a transaction at most.
const GROUP: usize = 64;
/// How many groups are under way at once: while one waits for the disk, another has its statements done.
const GROUPS: usize = 2;
/// How often a group is tried before each of it is done alone.
const TRIES: usize = 3;
/// How many may wait for a group; beyond, callers are told to come back.
const QUEUE: usize = 4096;

type Boxed = Box<dyn Job>;

pub(super) struct Writing {
    writers: Writers,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Boxed>,
    groups: usize,
}

impl Writing {
    pub(super) fn through(writers: Writers) -> Self {
        Self { writers, queue: Mutex::default() }
    }

    /// Does a job in a transaction of its own.
    pub(super) fn alone(self: &Arc<Self>, job: Boxed) {
        let writing = Arc::clone(self);
        tokio::spawn(async move { writing.do_alone(job).await });
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
        if queue.groups < GROUPS {
            queue.groups += 1;
            let group = Group(Arc::clone(self));
            tokio::spawn(async move { group.work().await });
        }
    }

    async fn do_together(&self, mut jobs: Vec<Boxed>) {
        let mut alone = Vec::new();
        let mut tries = 0;
        while jobs.len() > 1 && tries < TRIES {
            tries += 1;
            match self.transact(&mut jobs).await {
                Ok(Ending::Committed) => finish(jobs.drain(..), &Ok(())),
                Ok(Ending::Unknown(error)) | Err(error) => finish(jobs.drain(..), &Err(Arc::new(error))),
                Ok(Ending::Undone(fates)) => {
                    let (others, to_blame) = parted(jobs, &fates);
                    jobs = others;
                    alone.extend(to_blame);
                }
            }
        }
        alone.extend(jobs);
        join_all(alone.into_iter().map(|job| self.do_alone(job))).await;
    }

    async fn do_alone(&self, job: Boxed) {
        let mut attempts = Attempts::default();
        let mut jobs = [job];
        let outcome = loop {
            match self.transact(&mut jobs).await {
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

    async fn transact(&self, jobs: &mut [Boxed]) -> Result<Ending, StoreError> {
        let lease = self.writers.lend().await?;
        let ending = transact(&lease.connection, jobs).await;
        if !matches!(ending, Ending::Unknown(_)) {
            lease.give_back();
        }
        Ok(ending)
    }

    pub(super) async fn close(&self) {
        self.writers.close().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the groups under way; it takes what waits until nothing does.
struct Group(Arc<Writing>);

impl Group {
    async fn work(self) {
        loop {
            let jobs: Vec<Boxed> = {
                let mut queue = self.0.queue();
                let count = queue.waiting.len().min(GROUP);
                if count == 0 {
                    queue.groups -= 1;
                    return;
                }
                queue.waiting.drain(..count).collect()
            };
            self.0.do_together(jobs).await;
        }
    }
}

/// Parts those that may be tried together again from those that are better done alone.
fn parted(jobs: Vec<Boxed>, fates: &[Fate]) -> (Vec<Boxed>, Vec<Boxed>) {
    let (mut others, mut to_blame) = (Vec::new(), Vec::new());
    for (job, fate) in jobs.into_iter().zip(fates) {
        let blamed = match fate.trouble {
            Some(trouble) => trouble.is_its_own(),
            None => !fate.good,
        };
        if blamed { to_blame.push(job) } else { others.push(job) }
    }
    (others, to_blame)
}

fn finish(jobs: impl Iterator<Item = Boxed>, committed: &Result<(), Arc<StoreError>>) {
    for job in jobs {
        job.finish(committed.as_ref().copied().map_err(shared));
    }
}
