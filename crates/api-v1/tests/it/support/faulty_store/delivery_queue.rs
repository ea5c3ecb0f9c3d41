//! The delivery queue of the faulty store: every call is forwarded.

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Revision, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryLag, DeliveryQueue, DeliveryUpdate, DueDelivery, FanOut, FanOutPhase, Partition,
    PartitionLease, StaleDelivery, StoredEvent, WebhookDelivery, WebhookSubscription,
};

use super::{FaultPoint, FaultyStore};

#[async_trait]
impl DeliveryQueue for FaultyStore {
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
        holder: &str,
        now: Timestamp,
        limit: usize,
        audience: FanOutPhase,
    ) -> Result<FanOut, StoreError> {
        self.inner.fan_out(organization, holder, now, limit, audience).await
    }

    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        self.inner.due_partitions(now, limit).await
    }

    async fn acquire_partitions(
        &self,
        lanes: &[Partition],
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError> {
        self.inner.acquire_partitions(lanes, holder, now, until).await
    }

    async fn renew_partitions(&self, holder: &str, until: Timestamp) -> Result<(), StoreError> {
        self.inner.renew_partitions(holder, until).await
    }

    async fn partition_revisions(&self, lane: Partition) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.inner.partition_revisions(lane).await
    }

    async fn due_deliveries(
        &self,
        lane: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        self.inner.due_deliveries(lane, now, limit).await
    }

    async fn record_results(
        &self,
        lane: Partition,
        settlements: &[DeliveryUpdate],
        signs: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError> {
        self.inner.record_results(lane, settlements, signs).await
    }

    async fn cancel_deliveries(&self, lane: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.cancel_deliveries(lane, now, limit).await
    }

    async fn release_partition(
        &self,
        lane: Partition,
        holder: &str,
        now: Timestamp,
        parked: bool,
    ) -> Result<bool, StoreError> {
        self.inner.release_partition(lane, holder, now, parked).await
    }

    async fn release_all_partitions(&self, holder: &str) -> Result<(), StoreError> {
        self.inner.release_all_partitions(holder).await
    }

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
        lane: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        self.inject(FaultPoint::Read).await?;
        self.inner.existing_deliveries(lane, deliveries).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.prune(before, limit).await
    }

    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError> {
        self.inner.delivery_lag(now).await
    }
}
