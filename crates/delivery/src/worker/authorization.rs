//! Authorization of deliveries by the current state of the subscription and its account.

use std::sync::Arc;

use kernel::{StoreError, Timestamp};
use webhooks::{EventType, Partition, TEST_EVENT, WebhookDelivery};

use super::{WorkerContext, subscription_cache::SubscriptionWithAccount};

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
    /// Checks whether the account may receive one delivery.
    pub(super) fn authorization(&self, delivery: &WebhookDelivery) -> DeliveryAuthorization {
        if &*delivery.event_type == TEST_EVENT {
            return DeliveryAuthorization::Granted;
        }
        match delivery.event_type.parse::<EventType>() {
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

/// Returns the action on the deliveries of a partition, by its subscription and account as they are read after the
/// call.
///
/// # Errors
/// When the store fails; then nothing must be sent.
pub(super) async fn authorize(context: &WorkerContext, partition: Partition) -> Result<PartitionAction, StoreError> {
    let services = &context.services;
    let current = context.subscription_cache.current(&*services.store, partition).await?;
    Ok(current.map_or(PartitionAction::Cancel, |current| current.action(services.clock.now())))
}
