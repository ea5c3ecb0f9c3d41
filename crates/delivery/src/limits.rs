//! Limits of the concurrency across all endpoints.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of concurrent store calls by partitions with unhealthy endpoints. Hundreds of their attempts may time
/// out at the same moment: with this limit, storing their results does not delay the store calls of others.
const MAX_UNHEALTHY_STORE_CALLS: usize = 8;

/// Limits of concurrent attempts and store calls. Unhealthy endpoints, which fail or have never accepted a delivery,
/// get at most three quarters of the attempts: even if all their attempts time out, the rest is free for healthy
/// endpoints.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimits {
    attempts: Arc<Semaphore>,
    unhealthy_attempts: Arc<Semaphore>,
    unhealthy_store_calls: Arc<Semaphore>,
}

/// The permit for one attempt, held until it is dropped.
#[derive(Debug)]
pub(crate) struct AttemptPermit {
    _unhealthy_permit: Option<OwnedSemaphorePermit>,
    _permit: OwnedSemaphorePermit,
}

/// The permit for a store call, held until it is dropped. Partitions with healthy endpoints need none.
#[derive(Debug)]
pub(crate) struct StorePermit {
    _permit: Option<OwnedSemaphorePermit>,
}

async fn acquire(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_owned().await.expect("the semaphore is never closed")
}

impl ConcurrencyLimits {
    pub(crate) fn new(max_attempts: usize) -> Self {
        let max_attempts = max_attempts.clamp(1, Semaphore::MAX_PERMITS);
        let unhealthy = (max_attempts - max_attempts / 4).min(max_attempts.saturating_sub(1)).max(1);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            attempts: semaphore(max_attempts),
            unhealthy_attempts: semaphore(unhealthy),
            unhealthy_store_calls: semaphore(MAX_UNHEALTHY_STORE_CALLS),
        }
    }

    /// Waits for a permit for an attempt.
    pub(crate) async fn attempt_permit(&self, unhealthy: bool) -> AttemptPermit {
        let unhealthy = if unhealthy { Some(acquire(&self.unhealthy_attempts).await) } else { None };
        AttemptPermit { _unhealthy_permit: unhealthy, _permit: acquire(&self.attempts).await }
    }

    /// Waits for a permit for a store call.
    pub(crate) async fn store_permit(&self, unhealthy: bool) -> StorePermit {
        StorePermit { _permit: if unhealthy { Some(acquire(&self.unhealthy_store_calls).await) } else { None } }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn unhealthy_endpoints_leave_a_quarter_of_the_attempts_to_others() {
        let limits = ConcurrencyLimits::new(8);
        let unhealthy: Vec<_> = (0..6).map(|_| limits.attempt_permit(true).now_or_never().unwrap()).collect();
        assert!(limits.attempt_permit(true).now_or_never().is_none());
        let _healthy = [(); 2].map(|()| limits.attempt_permit(false).now_or_never().unwrap());
        assert!(limits.attempt_permit(false).now_or_never().is_none());
        drop(unhealthy);
        assert!(limits.attempt_permit(true).now_or_never().is_some());
    }

    #[test]
    fn healthy_endpoints_may_use_all_attempts() {
        let limits = ConcurrencyLimits::new(4);
        let _healthy = [(); 4].map(|()| limits.attempt_permit(false).now_or_never().unwrap());
        assert!(limits.attempt_permit(false).now_or_never().is_none());
    }

    #[test]
    fn only_partitions_of_unhealthy_endpoints_wait_for_store_permits() {
        let limits = ConcurrencyLimits::new(1024);
        let permits: Vec<_> =
            (0..MAX_UNHEALTHY_STORE_CALLS).map(|_| limits.store_permit(true).now_or_never().unwrap()).collect();
        assert!(limits.store_permit(true).now_or_never().is_none());
        assert!(limits.store_permit(false).now_or_never().is_some());
        drop(permits);
        assert!(limits.store_permit(true).now_or_never().is_some());
    }

    #[test]
    fn the_smallest_limit_still_admits_unhealthy_endpoints() {
        assert!(ConcurrencyLimits::new(0).attempt_permit(true).now_or_never().is_some());
    }
}
