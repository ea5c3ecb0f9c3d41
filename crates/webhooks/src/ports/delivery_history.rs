//! The port of the API and of operations: what is stored about events and deliveries, apart from the work on them.

use async_trait::async_trait;
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use ulid::Ulid;

use crate::{
    delivery::WebhookDelivery,
    event::StoredEvent,
    partition::{DeliveryHealth, Partition},
    subscription::WebhookSubscription,
};

/// The backlog of events and deliveries, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryLag {
    /// The time of the oldest event that is not fanned out.
    pub oldest_event: Option<Timestamp>,
    /// The time since which the longest-waiting delivery has been due.
    pub oldest_due: Option<Timestamp>,
    /// Number of partitions with due deliveries.
    pub due_partitions: u64,
}

/// Whether events are read with their bodies, which are many times larger than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventBodies {
    /// With their bodies.
    Included,
    /// The bodies are empty.
    Omitted,
}

/// The stored events and deliveries: reads for the API and for metrics, and deletion after the retention period.
#[async_trait]
pub trait DeliveryHistory: Send + Sync {
    /// Returns the organization's events with identifiers after `after` and up to `last`, whether fanned out or not,
    /// ordered by identifier, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
        bodies: EventBodies,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Returns those of these deliveries of the partition that exist.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError>;

    /// Returns the health of the deliveries to these subscriptions; subscriptions without attempts are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError>;

    /// Returns the backlog at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError>;

    /// Deletes deliveries from before `before` that are finished or whose subscription is disabled or removed, events
    /// from before it that are fanned out and that no delivery needs any more, and subscriptions that were removed
    /// before it and have no deliveries left, with their partitions: at most `limit` of each. Returns how many of them
    /// were deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
