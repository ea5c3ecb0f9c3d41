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
const WAITING: usize = 1024;
/// How long closing waits for work in progress.
const CLOSING: Duration = Duration::from_secs(30);

pub(super) struct Gate {
    places: Semaphore,
    count: u32,
    waiting: AtomicUsize,
}

impl Gate {
    pub(super) fn new(count: u32) -> Self {
        let permits = Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX));
        Self { places: permits, count, waiting: AtomicUsize::new(0) }
    }

    /// Acquires a permit, waiting for one until the deadline.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(permit) = self.places.try_acquire() {
            return Ok(permit);
        }
        let Some(_waiting) = Waiting::among(&self.waiting) else {
            return Err(unavailable("too many requests are waiting for the database; try again later"));
        };
        match timeout_at(deadline, self.places.acquire()).await {
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
        let all_returned = timeout(CLOSING, self.places.acquire_many(self.count)).await;
        if all_returned.is_err() {
            tracing::warn!("the database was closed while work on it was still in progress");
        }
        self.places.close();
    }
}

/// Counts a waiter until it is dropped.
struct Waiting<'g>(&'g AtomicUsize);

impl<'g> Waiting<'g> {
    fn among(count: &'g AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        // If the limit is exceeded, dropping `waiting` decrements the count again.
        (count.fetch_add(1, Ordering::Relaxed) < WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
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
    async fn who_waits_for_too_long_is_told_to_come_back() {
        let limit = Gate::new(1);
        let _permit = limit.enter(deadline()).await.unwrap();
        let refused = limit.enter(deadline()).await.unwrap_err();
        assert!(refused.to_string().contains("busy"), "{refused}");
    }

    #[tokio::test]
    async fn no_more_than_so_many_wait() {
        let limit = Gate::new(1);
        let permit = limit.enter(deadline()).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(limit.enter(deadline()))).collect();
        assert!(waiting.iter_mut().all(|waiter| waiter.now_or_never().is_none()));
        let refused = limit.enter(deadline()).now_or_never().unwrap().unwrap_err();
        assert!(refused.to_string().contains("too many"), "{refused}");
        drop(waiting);
        drop(permit);
        assert!(limit.enter(deadline()).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_in() {
        let limit = Gate::new(2);
        limit.close().await;
        assert!(limit.enter(deadline()).await.is_err());
    }
}
