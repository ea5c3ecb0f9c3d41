//! Limits of the concurrency across all endpoints.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of concurrent store calls by partitions with unhealthy endpoints. Hundreds of their attempts may time
/// out at the same moment: with this limit, storing their results does not delay the store calls of others.
const TURNS: usize = 8;

/// Limits of concurrent attempts and store calls. Unhealthy endpoints, which fail or have never accepted a delivery,
/// get at most three quarters of the attempts: even if all their attempts time out, the rest is free for healthy
/// endpoints.
#[derive(Debug)]
pub(crate) struct Room {
    all: Arc<Semaphore>,
    doubtful: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// The permit for one attempt, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _doubtful: Option<OwnedSemaphorePermit>,
    _place: OwnedSemaphorePermit,
}

/// The permit for a store call, held until it is dropped. Partitions with healthy endpoints need none.
#[derive(Debug)]
pub(crate) struct Turn {
    _turn: Option<OwnedSemaphorePermit>,
}

async fn held(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("the semaphore is never closed")
}

impl Room {
    pub(crate) fn of(max_attempts: usize) -> Self {
        let max_attempts = max_attempts.clamp(1, Semaphore::MAX_PERMITS);
        let unhealthy = (max_attempts - max_attempts / 4).min(max_attempts.saturating_sub(1)).max(1);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { all: semaphore(max_attempts), doubtful: semaphore(unhealthy), turns: semaphore(TURNS) }
    }

    /// Waits for a permit for an attempt.
    pub(crate) async fn place(&self, unhealthy: bool) -> Place {
        let unhealthy = if unhealthy { Some(held(&self.doubtful).await) } else { None };
        Place { _doubtful: unhealthy, _place: held(&self.all).await }
    }

    /// Waits for a permit for a store call.
    pub(crate) async fn turn(&self, unhealthy: bool) -> Turn {
        Turn { _turn: if unhealthy { Some(held(&self.turns).await) } else { None } }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn doubtful_endpoints_leave_a_quarter_of_the_room_to_others() {
        let limits = Room::of(8);
        let unhealthy: Vec<_> = (0..6).map(|_| limits.place(true).now_or_never().unwrap()).collect();
        assert!(limits.place(true).now_or_never().is_none());
        let _healthy = [(); 2].map(|()| limits.place(false).now_or_never().unwrap());
        assert!(limits.place(false).now_or_never().is_none());
        drop(unhealthy);
        assert!(limits.place(true).now_or_never().is_some());
    }

    #[test]
    fn sound_endpoints_may_use_all_of_it() {
        let limits = Room::of(4);
        let _healthy = [(); 4].map(|()| limits.place(false).now_or_never().unwrap());
        assert!(limits.place(false).now_or_never().is_none());
    }

    #[test]
    fn lanes_of_doubtful_endpoints_take_turns_and_others_wait_for_nobody() {
        let limits = Room::of(1024);
        let permits: Vec<_> = (0..TURNS).map(|_| limits.turn(true).now_or_never().unwrap()).collect();
        assert!(limits.turn(true).now_or_never().is_none());
        assert!(limits.turn(false).now_or_never().is_some());
        drop(permits);
        assert!(limits.turn(true).now_or_never().is_some());
    }

    #[test]
    fn the_smallest_room_serves_everybody() {
        assert!(Room::of(0).place(true).now_or_never().is_some());
    }
}
