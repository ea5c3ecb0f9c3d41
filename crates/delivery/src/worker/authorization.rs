//! Authorization of deliveries by the current state of the subscription and its account.

use std::sync::Arc;

use auth::{Account, ServiceAccount};
use kernel::{Reader, Revision, StoreError, Stored, Timestamp};
use webhooks::{Partition, TEST_EVENT, WebhookDelivery, WebhookSubscription};

use super::WorkerContext;

/// The subscription of a partition with its account, at the revisions at which they were last read.
#[derive(Debug)]
pub(super) struct SubscriptionWithAccount {
    pub(super) subscription: Stored<WebhookSubscription>,
    account: Account,
}

/// The action on all deliveries of a partition.
#[derive(Clone, Debug)]
pub(super) enum PartitionAction {
    /// They are sent.
    Send(Arc<SubscriptionWithAccount>),
    /// They wait, because the subscription is disabled.
    Suspend,
    /// They are cancelled, because the subscription was removed or its account is no longer active.
    Cancel,
}

/// The authorization of one delivery in a partition that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryAuthorization {
    /// The account may receive the event.
    Granted,
    /// The account lacks the scope to read the resource of the event.
    Denied,
    /// The event type is supported only by the newer server that stored the event, so the required scope is unknown
    /// here.
    UnsupportedEvent,
}

impl SubscriptionWithAccount {
    fn revisions(&self) -> (Revision, Revision) {
        (self.subscription.meta.revision, self.account.meta.revision)
    }

    /// Checks whether the account may receive one delivery.
    pub(super) fn authorization(&self, delivery: &WebhookDelivery) -> DeliveryAuthorization {
        if &*delivery.event_type == TEST_EVENT {
            return DeliveryAuthorization::Granted;
        }
        match delivery.event_type.parse::<webhooks::EventType>() {
            Ok(event) if self.account.record.scopes.contains(event.scope()) => DeliveryAuthorization::Granted,
            Ok(_) => DeliveryAuthorization::Denied,
            Err(_) => DeliveryAuthorization::UnsupportedEvent,
        }
    }

    fn action(self: Arc<Self>, now: Timestamp) -> PartitionAction {
        if self.subscription.record.is_removed() || !self.account.record.is_active_at(now) {
            PartitionAction::Cancel
        } else if self.subscription.record.is_active() {
            PartitionAction::Send(self)
        } else {
            PartitionAction::Suspend
        }
    }
}

/// Decides what to do with the deliveries of a partition. The revisions of subscription and account are read after the
/// call; the records come from the cache if it holds these revisions.
///
/// # Errors
/// When the store fails; then nothing must be sent.
pub(super) async fn authorize(context: &WorkerContext, partition: Partition) -> Result<PartitionAction, StoreError> {
    let store = &context.services.store;
    let Some(revisions) = store.partition_revisions(partition).await? else { return Ok(PartitionAction::Cancel) };
    let cached = context.subscription_cache.get(partition).filter(|cached| cached.revisions() == revisions);
    let subscription_with_account = match cached {
        Some(cached) => cached,
        None => {
            let Some(subscription_with_account) = read(context, partition).await? else {
                return Ok(PartitionAction::Cancel);
            };
            context.subscription_cache.insert(partition, Arc::clone(&subscription_with_account));
            subscription_with_account
        }
    };
    Ok(subscription_with_account.action(context.services.clock.now()))
}

async fn read(
    context: &WorkerContext,
    partition: Partition,
) -> Result<Option<Arc<SubscriptionWithAccount>>, StoreError> {
    let store = &*context.services.store;
    let subscription =
        Reader::<WebhookSubscription>::get(store, partition.organization, partition.subscription).await?;
    let Some(subscription) = subscription else { return Ok(None) };
    let account = Reader::<ServiceAccount>::get(store, partition.organization, subscription.record.account).await?;
    Ok(account.map(|account| Arc::new(SubscriptionWithAccount { subscription, account })))
}
