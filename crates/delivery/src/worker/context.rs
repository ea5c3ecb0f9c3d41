//! The context that all workers of a process share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use webhooks::Partition;

use super::authorization::SubscriptionWithAccount;
use crate::{dispatcher::DeliveryServices, limits::ConcurrencyLimits};

/// Maximum number of cached subscriptions with their accounts, at about two kilobytes each.
const MAX_CACHED_SUBSCRIPTIONS: usize = 2048;

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

/// A cache of subscriptions with their accounts. An entry is valid as long as the revisions of both are current.
#[derive(Default)]
pub(super) struct SubscriptionCache(Mutex<HashMap<Partition, Arc<SubscriptionWithAccount>>>);

impl SubscriptionCache {
    pub(super) fn get(&self, partition: Partition) -> Option<Arc<SubscriptionWithAccount>> {
        self.lock().get(&partition).cloned()
    }

    pub(super) fn insert(&self, partition: Partition, subscription_with_account: Arc<SubscriptionWithAccount>) {
        let mut cache = self.lock();
        if cache.len() >= MAX_CACHED_SUBSCRIPTIONS && !cache.contains_key(&partition) {
            cache.clear();
        }
        cache.insert(partition, subscription_with_account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Partition, Arc<SubscriptionWithAccount>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
