//! The delivery queue: events, deliveries and partitions.

mod fan_out;
mod partitions;
mod pruning;

use async_trait::async_trait;
use kernel::{Id, Kind, OrganizationId, Revision, StoreError, Stored, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryLag, DeliveryQueue, DeliveryUpdate, DueDelivery, FanOut, FanOutPhase, Partition,
    PartitionLease, StaleDelivery, StoredEvent, WebhookDelivery, WebhookSubscription,
};

use self::fan_out::FanOutRequest;
pub(crate) use self::{fan_out::OutboxRow, partitions::PartitionRow};
use crate::{
    MemoryStore,
    state::{Row, State},
};

#[async_trait]
impl DeliveryQueue for MemoryStore {
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        Ok(self.snapshot()?.pending_organizations(after, limit))
    }

    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError> {
        let timestamp = self.timestamps.begin();
        let request = FanOutRequest { organization, owner, now, limit, phase, at: timestamp.at() };
        self.change(|state| state.fan_out(&request))
    }

    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        Ok(self.snapshot()?.due_partitions(now, limit))
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
                    state.put_delivery(restamped(after.clone(), timestamp.at()));
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
            let open: Vec<_> = state.open_deliveries(partition).into_iter().take(limit).collect();
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

    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
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
    ) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self
            .snapshot()?
            .events(organization)
            .filter(|event| event.is_between(after, last))
            .take(limit)
            .map(OutboxRow::with_body)
            .collect())
    }

    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
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
        let next_due = |partition: &Partition| {
            state.open_deliveries(*partition).first().and_then(|delivery| delivery.record.next_attempt_at)
        };
        let due_since: Vec<Timestamp> =
            partitions.filter_map(|(partition, _)| next_due(partition)).filter(|at| *at <= now).collect();
        Ok(DeliveryLag {
            oldest_event: state.outbox.values().filter(|event| event.pending).map(|event| event.event.created_at).min(),
            oldest_due: due_since.iter().min().copied(),
            due_partitions: due_since.len() as u64,
        })
    }
}

impl State {
    fn partition_deliveries(&self, partition: Partition) -> impl Iterator<Item = Stored<WebhookDelivery>> {
        let rows = self.rows(Kind::WebhookDelivery, partition.organization).filter_map(Row::read::<WebhookDelivery>);
        rows.filter(move |delivery| delivery.record.subscription == partition.subscription)
    }

    /// The partition's unfinished deliveries, the next due first.
    fn open_deliveries(&self, partition: Partition) -> Vec<Stored<WebhookDelivery>> {
        let is_open = |delivery: &Stored<WebhookDelivery>| delivery.record.next_attempt_at.is_some();
        let mut open: Vec<_> = self.partition_deliveries(partition).filter(is_open).collect();
        open.sort_by_key(|delivery| {
            (delivery.record.next_attempt_at, delivery.record.subject_revision, delivery.meta.ulid())
        });
        open
    }

    fn put_delivery(&mut self, delivery: Stored<WebhookDelivery>) {
        let key = (Kind::WebhookDelivery, delivery.meta.organization, delivery.meta.ulid());
        let row = Row { meta: delivery.meta.erased(), record: std::sync::Arc::new(delivery.record) };
        self.records.insert_mut(key, row);
    }
}

/// Sets the time of change to the time of the write, which may be after that of the decision.
fn restamped(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}
