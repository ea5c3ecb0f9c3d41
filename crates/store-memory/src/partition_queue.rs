//! The queue of due deliveries: leases of partitions, and the results of attempts.

use async_trait::async_trait;
use kernel::{Kind, Revision, StoreError, Timestamp};
use webhooks::{
    DeliveryHealth, DeliveryUpdate, DueDelivery, Partition, PartitionLease, PartitionQueue, StaleDelivery,
    WebhookDelivery,
};

use crate::{
    MemoryStore,
    state::{PartitionRow, with_updated_at},
};

#[async_trait]
impl PartitionQueue for MemoryStore {
    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        let state = self.snapshot()?;
        Ok(state.due_partitions(now).take(limit).collect())
    }

    async fn due_healthy_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        let state = self.snapshot()?;
        Ok(state.due_partitions(now).filter(|partition| state.is_healthy(*partition)).take(limit).collect())
    }

    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError> {
        self.change(|state| {
            Ok(partitions
                .iter()
                .filter_map(|partition| state.acquire_partition(*partition, owner, now, expires_at))
                .collect())
        })
    }

    async fn renew_partitions(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        self.change(|state| {
            state.for_each_partition_of(owner, |row| row.set_lease(owner, expires_at));
            Ok(())
        })
    }

    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError> {
        let state = self.snapshot()?;
        let Some(subscription) = state.record(partition.organization, partition.subscription) else { return Ok(None) };
        let account = subscription.record.account.ulid();
        let account = state.revision(Kind::ServiceAccount, partition.organization, account);
        Ok(account.map(|account| (subscription.meta.revision, account)))
    }

    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let state = self.snapshot()?;
        let due = state
            .open_deliveries(partition)
            .into_iter()
            .filter(|delivery| delivery.record.next_attempt_at <= Some(now));
        due.take(limit)
            .map(|delivery| {
                let event = state.outbox.get(&(partition.organization, delivery.record.event));
                let event = event.ok_or_else(|| StoreError::Corrupt("the event of a delivery is missing".into()))?;
                Ok(DueDelivery { body: event.event.body.clone(), delivery })
            })
            .collect()
    }

    async fn record_results(
        &self,
        partition: Partition,
        updates: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError> {
        let timestamp = self.timestamps.begin();
        self.change(|state| {
            let mut stale = Vec::new();
            for DeliveryUpdate { before, after } in updates {
                let revision = state.revision(Kind::WebhookDelivery, before.meta.organization, before.meta.ulid());
                if revision == Some(before.meta.revision) {
                    state.put_delivery(with_updated_at(after.clone(), timestamp.at()));
                } else {
                    stale.push(before.meta.id);
                }
            }
            if let (Some(health), Some(row)) = (health, state.partitions.get_mut(&partition)) {
                row.health = health;
            }
            Ok(stale)
        })
    }

    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let timestamp = self.timestamps.begin();
        self.change(|state| {
            let mut open = state.open_deliveries(partition);
            open.sort_by_key(WebhookDelivery::is_unchanged);
            open.truncate(limit);
            for delivery in &open {
                state.put_delivery(delivery.changed(timestamp.at().max(now), delivery.record.cancelled()));
            }
            Ok(open.len() as u64)
        })
    }

    async fn release_partition(
        &self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> Result<bool, StoreError> {
        self.change(|state| Ok(state.release_partition(partition, owner, now, suspended)))
    }

    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError> {
        self.change(|state| {
            state.for_each_partition_of(owner, PartitionRow::release);
            Ok(())
        })
    }
}
