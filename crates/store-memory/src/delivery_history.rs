//! The stored events and deliveries: reads for the API and for metrics, and deletion.

mod pruning;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryHistory, DeliveryLag, EventBodies, Partition, StoredEvent, WebhookDelivery,
    WebhookSubscription,
};

use crate::{
    Call, MemoryStore,
    state::{OutboxRow, PartitionRow},
};

#[async_trait]
impl DeliveryHistory for MemoryStore {
    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        let entry = |(partition, row): (&Partition, &PartitionRow)| (partition.subscription, row.health);
        let is_requested = |partition: &Partition| {
            partition.organization == organization && subscriptions.contains(&partition.subscription)
        };
        let found = state
            .partitions
            .iter()
            .filter(|(partition, row)| is_requested(partition) && row.health != DeliveryHealth::default());
        Ok(found.map(entry).collect())
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
        bodies: EventBodies,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.intercept(Call::Read).await?;
        let read = |row: &OutboxRow| match bodies {
            EventBodies::Included => row.with_body(),
            EventBodies::Omitted => StoredEvent { body: Bytes::new(), ..row.with_body() },
        };
        let state = self.snapshot()?;
        Ok(state.events(organization).filter(|event| event.is_between(after, last)).take(limit).map(read).collect())
    }

    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        self.intercept(Call::Read).await?;
        let state = self.snapshot()?;
        Ok(state
            .partition_deliveries(partition)
            .map(|delivery| delivery.meta.id)
            .filter(|id| deliveries.contains(id))
            .collect())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| Ok(state.prune(before, limit)))
    }

    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError> {
        let state = self.snapshot()?;
        let partitions = state.partitions.iter().filter(|(_, row)| row.due_at.is_some_and(|due| due <= now));
        let due_since: Vec<Timestamp> =
            partitions.filter_map(|(partition, _)| state.next_attempt_at(*partition)).filter(|at| *at <= now).collect();
        Ok(DeliveryLag {
            oldest_event: state.outbox.values().filter(|event| event.pending).map(|event| event.event.created_at).min(),
            oldest_due: due_since.iter().min().copied(),
            due_partitions: due_since.len() as u64,
        })
    }
}
