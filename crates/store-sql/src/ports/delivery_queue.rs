//! The delivery queue: events of the outbox become deliveries, which are sent to endpoints.

mod batchers;
mod deliveries;
mod events;
mod fan_out;
mod leases;
pub(crate) mod partitions;
mod pruning;
mod query_plans;
pub(crate) mod queued;
mod results;
mod revisions;

use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Revision, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryHistory, DeliveryLag, DeliveryUpdate, DueDelivery, EventBodies, EventFanOut, FanOut,
    FanOutPhase, Partition, PartitionLease, PartitionQueue, StaleDelivery, StoredEvent, WebhookDelivery,
    WebhookSubscription,
};

use super::SqlStore;
use crate::{batching, engine::Value};
pub(crate) use batchers::QueueBatchers;
use deliveries::DueRequest;
use fan_out::FanOutRequest;
use leases::{AcquireRequest, ReleaseRequest};
use results::RecordRequest;
pub(crate) use revisions::PartitionRevisions;

#[async_trait]
impl EventFanOut for SqlStore {
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let input = (after, limit);
        self.engine
            .read(input, |(after, limit), session| Box::pin(events::pending_organizations(session, *after, *limit)))
            .await
    }

    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError> {
        let timestamp = self.in_flight.records.begin();
        let (owner, check) = (owner.to_owned(), self.registration.check());
        let attempted = AtomicBool::new(false);
        let request = FanOutRequest { organization, owner, now, limit, phase, timestamp, check, attempted };
        self.engine.write(request, |request, session| Box::pin(fan_out::fan_out(session, request))).await
    }
}

#[async_trait]
impl PartitionQueue for SqlStore {
    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        self.engine
            .read((now, limit), |(now, limit), session| {
                Box::pin(partitions::due(session, &partitions::DUE, *now, *limit))
            })
            .await
    }

    async fn due_healthy_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        self.engine
            .read((now, limit), |(now, limit), session| {
                Box::pin(partitions::due(session, &partitions::DUE_HEALTHY, *now, *limit))
            })
            .await
    }

    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError> {
        let request = AcquireRequest { partitions: partitions.to_vec(), owner: owner.to_owned(), now, expires_at };
        self.engine.write(request, |request, session| Box::pin(leases::acquire(session, request))).await
    }

    async fn renew_partitions(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        let input = (owner.to_owned(), expires_at);
        self.engine
            .write(input, |(owner, expires_at), session| Box::pin(partitions::renew(session, owner, *expires_at)))
            .await
    }

    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.partition_revisions.revisions(&self.engine, partition).await
    }

    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let request = DueRequest { partition, now, limit };
        batching::read(&self.queue_batchers.due, &self.engine, request, deliveries::due).await
    }

    async fn record_results(
        &self,
        partition: Partition,
        updates: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError> {
        let request = || {
            let (timestamp, check) = (self.in_flight.records.begin(), self.registration.check());
            let at = timestamp.at();
            let attempted = AtomicBool::new(false);
            (RecordRequest { partition, updates: updates.to_vec(), health, at, check, attempted }, timestamp)
        };
        batching::write(&self.queue_batchers.record, &self.engine, request, results::record).await
    }

    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let input = (self.in_flight.records.begin(), self.registration.check(), partition, now, limit);
        self.engine
            .write(input, |(timestamp, check, partition, now, limit), session| {
                Box::pin(deliveries::cancel(session, (timestamp.at(), *check), *partition, *now, *limit))
            })
            .await
    }

    async fn release_partition(
        &self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> Result<bool, StoreError> {
        let request = || (ReleaseRequest { partition, owner: owner.to_owned(), now, suspended }, ());
        batching::write(&self.queue_batchers.release, &self.engine, request, leases::release).await
    }

    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError> {
        self.engine.write(owner.to_owned(), |owner, session| Box::pin(partitions::release_all(session, owner))).await
    }
}

#[async_trait]
impl DeliveryHistory for SqlStore {
    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
        let input = (organization, subscriptions.to_vec());
        self.engine
            .read(input, |(organization, subscriptions), session| {
                Box::pin(partitions::health(session, *organization, subscriptions))
            })
            .await
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
        bodies: EventBodies,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let values: [Value<'static>; 4] = [organization.into(), after.into(), last.into(), Value::limit(limit)];
        self.engine.read(values, move |values, session| Box::pin(events::between(session, values, bodies))).await
    }

    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        let input = (partition, deliveries.to_vec());
        self.engine
            .read(input, |(partition, deliveries), session| {
                Box::pin(deliveries::existing(session, *partition, deliveries))
            })
            .await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        pruning::prune(&self.engine, before, limit).await
    }

    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError> {
        self.engine.read(now, |now, session| Box::pin(partitions::lag(session, *now))).await
    }
}
