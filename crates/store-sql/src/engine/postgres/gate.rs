//! How much is under way on the database at once, and how long others wait for it.

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

/// How many wait at most; beyond, callers are told to come back.
const WAITING: usize = 1024;
/// How long closing waits for what is under way.
const CLOSING: Duration = Duration::from_secs(30);

pub(super) struct Gate {
    places: Semaphore,
    count: u32,
    waiting: AtomicUsize,
}

impl Gate {
    pub(super) fn new(count: u32) -> Self {
        let places = Semaphore::new(usize::try_from(count).unwrap_or(usize::MAX));
        Self { places, count, waiting: AtomicUsize::new(0) }
    }

    /// Takes a place, as soon as there is one, but not after this moment.
    pub(super) async fn enter(&self, until: Instant) -> Result<SemaphorePermit<'_>, StoreError> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let Some(_waiting) = Waiting::among(&self.waiting) else {
            return Err(unavailable("too much work waits for the database"));
        };
        match timeout_at(until, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(unavailable("the database is closed")),
            Err(_) => Err(unavailable("the database was busy for too long")),
        }
    }

    /// How many places there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Lets nobody in any more and waits for those who are.
    pub(super) async fn close(&self) {
        let all_out = timeout(CLOSING, self.places.acquire_many(self.count)).await;
        if all_out.is_err() {
            tracing::warn!("work on the database was still under way when it was closed");
        }
        self.places.close();
    }
}

/// Counts one who waits, and counts them off however the waiting ends.
struct Waiting<'g>(&'g AtomicUsize);

impl<'g> Waiting<'g> {
    fn among(count: &'g AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        // On refusal the drop of `waiting` takes this one off again.
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

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_too_long_is_told_to_come_back() {
        let gate = Gate::new(1);
        let _place = gate.enter(soon()).await.unwrap();
        let refused = gate.enter(soon()).await.unwrap_err();
        assert!(refused.to_string().contains("busy"), "{refused}");
    }

    #[tokio::test]
    async fn no_more_than_so_many_wait() {
        let gate = Gate::new(1);
        let place = gate.enter(soon()).await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(gate.enter(soon()))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        let refused = gate.enter(soon()).now_or_never().unwrap().unwrap_err();
        assert!(refused.to_string().contains("too much"), "{refused}");
        drop(waiting);
        drop(place);
        assert!(gate.enter(soon()).now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_in() {
        let gate = Gate::new(2);
        gate.close().await;
        assert!(gate.enter(soon()).await.is_err());
    }
}
