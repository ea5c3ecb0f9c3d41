//! The ports of webhooks of the faulty store: every call is forwarded.

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Revision, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryHistory, DeliveryLag, DeliveryUpdate, DueDelivery, EventFanOut, FanOut, FanOutPhase,
    Partition, PartitionLease, PartitionQueue, StaleDelivery, StoredEvent, WebhookDelivery, WebhookSubscription,
};

use super::{FaultPoint, FaultyStore};

#[async_trait]
impl EventFanOut for FaultyStore {
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.inner.pending_organizations(after, limit).await
    }

    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError> {
        self.inner.fan_out(organization, owner, now, limit, phase).await
    }
}

#[async_trait]
impl PartitionQueue for FaultyStore {
    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        self.inner.due_partitions(now, limit).await
    }

    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError> {
        self.inner.acquire_partitions(partitions, owner, now, expires_at).await
    }

    async fn renew_partitions(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        self.inner.renew_partitions(owner, expires_at).await
    }

    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.inner.partition_revisions(partition).await
    }

    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        self.inner.due_deliveries(partition, now, limit).await
    }

    async fn record_results(
        &self,
        partition: Partition,
        updates: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError> {
        self.inner.record_results(partition, updates, health).await
    }

    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.cancel_deliveries(partition, now, limit).await
    }

    async fn release_partition(
        &self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> Result<bool, StoreError> {
        self.inner.release_partition(partition, owner, now, suspended).await
    }

    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError> {
        self.inner.release_all_partitions(owner).await
    }
}

#[async_trait]
impl DeliveryHistory for FaultyStore {
    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        self.inner.delivery_health(organization, subscriptions).await
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        self.inner.events(organization, after, last, limit).await
    }

    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        self.inner.existing_deliveries(partition, deliveries).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.prune(before, limit).await
    }

    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError> {
        self.inner.delivery_lag(now).await
    }
}
