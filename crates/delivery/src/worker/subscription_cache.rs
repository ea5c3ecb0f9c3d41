//! A cache of the subscriptions that deliveries are authorized by.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::{Account, ServiceAccount};
use kernel::{Reader, Revision, StoreError, Stored};
use store::DynStore;
use webhooks::{Partition, WebhookSubscription};

/// Maximum number of cached subscriptions with their accounts, at about two kilobytes each.
const MAX_CACHED_SUBSCRIPTIONS: usize = 2048;

/// The subscription of a partition with its account, at the revisions at which they were last read.
#[derive(Debug)]
pub(super) struct SubscriptionWithAccount {
    pub(super) subscription: Stored<WebhookSubscription>,
    pub(super) account: Account,
}

impl SubscriptionWithAccount {
    async fn read(store: &DynStore, partition: Partition) -> Result<Option<Self>, StoreError> {
        let subscription =
            Reader::<WebhookSubscription>::get(store, partition.organization, partition.subscription).await?;
        let Some(subscription) = subscription else { return Ok(None) };
        let account = Reader::<ServiceAccount>::get(store, partition.organization, subscription.record.account).await?;
        Ok(account.map(|account| Self { subscription, account }))
    }

    fn revisions(&self) -> (Revision, Revision) {
        (self.subscription.meta.revision, self.account.meta.revision)
    }
}

/// A cache of subscriptions with their accounts. An entry is valid as long as the revisions of both are current.
#[derive(Default)]
pub(super) struct SubscriptionCache(Mutex<HashMap<Partition, Arc<SubscriptionWithAccount>>>);

impl SubscriptionCache {
    /// Returns the subscription of a partition with its account; `None` if one of them does not exist. Their revisions
    /// are read after the call; the records come from the cache if it holds these revisions.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn current(
        &self,
        store: &DynStore,
        partition: Partition,
    ) -> Result<Option<Arc<SubscriptionWithAccount>>, StoreError> {
        let Some(revisions) = store.partition_revisions(partition).await? else { return Ok(None) };
        let cached = self.lock().get(&partition).cloned();
        if let Some(cached) = cached.filter(|cached| cached.revisions() == revisions) {
            return Ok(Some(cached));
        }
        let read = SubscriptionWithAccount::read(store, partition).await?.map(Arc::new);
        if let Some(read) = &read {
            self.insert(partition, Arc::clone(read));
        }
        Ok(read)
    }

    fn insert(&self, partition: Partition, subscription_with_account: Arc<SubscriptionWithAccount>) {
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
