//! The delivery queue: events of the outbox become deliveries, which are sent to endpoints.

mod deliveries;
mod distribution;
mod events;
mod holding;
pub(crate) mod lanes;
mod plans;
mod pruning;
mod settling;
mod standing;
mod together;

use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Revision, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryLag, DeliveryQueue, DeliveryUpdate, DueDelivery, FanOut, FanOutPhase, Partition,
    PartitionLease, StaleDelivery, StoredEvent, WebhookDelivery, WebhookSubscription,
};

use crate::{coalesce, engine::Value, store::SqlStore};
use deliveries::Asked;
use distribution::Round;
use holding::{Claiming, Leaving};
use settling::Settling;
pub(crate) use standing::Standing;
pub(crate) use together::Together;

#[async_trait]
impl DeliveryQueue for SqlStore {
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let input = (after, limit);
        self.engine
            .read(input, |(after, limit), session| Box::pin(events::undistributed(session, *after, *limit)))
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
        let (owner, check) = (owner.to_owned(), self.presence.check());
        // In the second phase the healthy subscriptions may have their deliveries already.
        let attempted = AtomicBool::new(phase == FanOutPhase::Remaining);
        let request = Round {
            organization,
            holder: owner,
            now,
            limit,
            audience: phase,
            stamp: timestamp,
            check,
            tried: attempted,
        };
        self.engine.write(request, |request, session| Box::pin(distribution::distribute(session, request))).await
    }

    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError> {
        self.engine.read((now, limit), |(now, limit), session| Box::pin(lanes::due(session, *now, *limit))).await
    }

    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError> {
        let request = Claiming { lanes: partitions.to_vec(), holder: owner.to_owned(), now, until };
        self.engine.write(request, |request, session| Box::pin(holding::claim(session, request))).await
    }

    async fn renew_partitions(&self, owner: &str, until: Timestamp) -> Result<(), StoreError> {
        let input = (owner.to_owned(), until);
        self.engine.write(input, |(owner, until), session| Box::pin(lanes::renew(session, owner, *until))).await
    }

    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.lane_standing.of(&self.engine, partition).await
    }

    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let request = Asked { lane: partition, now, limit };
        coalesce::read(&self.together.due, &self.engine, request, deliveries::due).await
    }

    async fn record_results(
        &self,
        partition: Partition,
        results: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError> {
        let request = || {
            let (timestamp, check) = (self.in_flight.records.begin(), self.presence.check());
            let at = timestamp.at();
            (Settling { lane: partition, settlements: results.to_vec(), signs: health, at, check }, timestamp)
        };
        coalesce::write(&self.together.settling, &self.engine, request, settling::settle).await
    }

    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let input = (self.in_flight.records.begin(), self.presence.check(), partition, now, limit);
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
        let request = || (Leaving { lane: partition, owner: owner.to_owned(), now, parked: suspended }, ());
        coalesce::write(&self.together.leaving, &self.engine, request, holding::give_up).await
    }

    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError> {
        self.engine.write(owner.to_owned(), |owner, session| Box::pin(lanes::give_up_all(session, owner))).await
    }

    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
        let input = (organization, subscriptions.to_vec());
        self.engine
            .read(input, |(organization, subscriptions), session| {
                Box::pin(lanes::signs(session, *organization, subscriptions))
            })
            .await
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let values: [Value<'static>; 4] = [organization.into(), after.into(), last.into(), Value::most(limit)];
        self.engine.read(values, |values, session| Box::pin(events::between(session, values))).await
    }

    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        let input = (partition, deliveries.to_vec());
        self.engine
            .read(input, |(partition, deliveries), session| {
                Box::pin(deliveries::known(session, *partition, deliveries))
            })
            .await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        pruning::prune(&self.engine, before, limit).await
    }

    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError> {
        self.engine.read(now, |now, session| Box::pin(lanes::lag(session, *now))).await
    }
}
