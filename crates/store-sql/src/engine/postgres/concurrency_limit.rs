//! A limit on concurrent work on the database, with a bounded queue of waiters.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use kernel::StoreError;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout, timeout_at},
};

use crate::engine::unavailable;

/// The maximum number of waiters; further callers get [`StoreError::Unavailable`].
const MAX_WAITING: usize = 1024;
/// The maximum time for which closing waits for work in progress.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct ConcurrencyLimit {
    permits: Semaphore,
    count: u32,
    waiting: AtomicUsize,
}

impl ConcurrencyLimit {
    pub(super) fn new(count: u32) -> Self {
        let permits = Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX));
        Self { permits, count, waiting: AtomicUsize::new(0) }
    }

    /// Acquires a permit, waiting for one until the deadline.
    pub(super) async fn acquire(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let Some(_waiting) = Waiter::register(&self.waiting) else {
            return Err(unavailable("too many requests are waiting for the database; try again later"));
        };
        match timeout_at(deadline, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(unavailable("the database is closed")),
            Err(_) => Err(unavailable("the database stayed busy for too long; try again later")),
        }
    }

    /// The number of permits.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Grants no more permits and waits until all are returned, at most [`CLOSE_TIMEOUT`].
    pub(super) async fn close(&self) {
        let all_returned = timeout(CLOSE_TIMEOUT, self.permits.acquire_many(self.count)).await;
        if all_returned.is_err() {
            tracing::warn!("the database was closed while work on it was still in progress");
        }
        self.permits.close();
    }
}

/// Counts a waiter until it is dropped.
struct Waiter<'g>(&'g AtomicUsize);

impl<'g> Waiter<'g> {
    fn register(count: &'g AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        // If the limit is exceeded, dropping `waiting` decrements the count again.
        (count.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_waits_too_long_gets_an_unavailable_error() {
        let limit = ConcurrencyLimit::new(1);
        let _permit = limit.acquire(deadline()).await.unwrap();
        let refused = limit.acquire(deadline()).await.unwrap_err();
        assert!(refused.to_string().contains("busy"), "{refused}");
    }

    #[tokio::test]
    async fn the_number_of_waiters_is_limited() {
        let limit = ConcurrencyLimit::new(1);
        let permit = limit.acquire(deadline()).await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(limit.acquire(deadline()))).collect();
        assert!(waiting.iter_mut().all(|waiter| waiter.now_or_never().is_none()));
        let refused = limit.acquire(deadline()).now_or_never().unwrap().unwrap_err();
        assert!(refused.to_string().contains("too many"), "{refused}");
        drop(waiting);
        drop(permit);
        assert!(limit.acquire(deadline()).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_closed_limit_grants_no_permits() {
        let limit = ConcurrencyLimit::new(2);
        limit.close().await;
        assert!(limit.acquire(deadline()).await.is_err());
    }
}
