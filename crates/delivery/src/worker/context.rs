//! The context that all workers of a process share.

use tokio::sync::watch;

use super::subscription_cache::SubscriptionCache;
use crate::{limits::ConcurrencyLimits, services::DeliveryServices};

/// The context that all workers of a process share.
pub(crate) struct WorkerContext {
    pub(crate) services: DeliveryServices,
    pub(crate) limits: ConcurrencyLimits,
    pub(super) subscription_cache: SubscriptionCache,
    stopping: watch::Sender<bool>,
}

impl WorkerContext {
    pub(crate) fn new(services: DeliveryServices, limits: ConcurrencyLimits) -> Self {
        Self { services, limits, subscription_cache: SubscriptionCache::default(), stopping: watch::Sender::new(false) }
    }

    /// Signals the shutdown: no further attempt starts.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until the shutdown is signalled.
    pub(super) async fn stopped(&self) {
        // This can't fail, because `self` holds the sender.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}
