//! Events on their way: from the outbox to deliveries, and from there to endpoints.

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
    Audience, Claim, DeliveryQueue, Distribution, Due, Lag, Lane, LaneSigns, Settlement, StoredEvent, Undone,
    WebhookDelivery, WebhookSubscription,
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
    async fn undistributed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let read = (after, limit);
        self.engine.read(read, |(after, limit), session| Box::pin(events::undistributed(session, *after, *limit))).await
    }

    async fn distribute(
        &self,
        organization: OrganizationId,
        holder: &str,
        now: Timestamp,
        limit: usize,
        audience: Audience,
    ) -> Result<Distribution, StoreError> {
        let stamp = self.in_flight.records.begin();
        let (holder, check) = (holder.to_owned(), self.presence.check());
        // For all is what some were told before.
        let tried = AtomicBool::new(audience == Audience::All);
        let round = Round { organization, holder, now, limit, audience, stamp, check, tried };
        self.engine.write(round, |round, session| Box::pin(distribution::distribute(session, round))).await
    }

    async fn lanes_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError> {
        self.engine.read((now, limit), |(now, limit), session| Box::pin(lanes::due(session, *now, *limit))).await
    }

    async fn claim(
        &self,
        lanes: &[Lane],
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let claiming = Claiming { lanes: lanes.to_vec(), holder: holder.to_owned(), now, until };
        self.engine.write(claiming, |claiming, session| Box::pin(holding::claim(session, claiming))).await
    }

    async fn renew(&self, holder: &str, until: Timestamp) -> Result<(), StoreError> {
        let given = (holder.to_owned(), until);
        self.engine.write(given, |(holder, until), session| Box::pin(lanes::renew(session, holder, *until))).await
    }

    async fn standing(&self, lane: Lane) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.lane_standing.of(&self.engine, lane).await
    }

    async fn due(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        coalesce::read(&self.together.due, &self.engine, Asked { lane, now, limit }, deliveries::due).await
    }

    async fn settle(
        &self,
        lane: Lane,
        settlements: &[Settlement],
        signs: Option<LaneSigns>,
    ) -> Result<Vec<Undone>, StoreError> {
        let settling = || {
            let (stamp, check) = (self.in_flight.records.begin(), self.presence.check());
            (Settling { lane, settlements: settlements.to_vec(), signs, at: stamp.at(), check }, stamp)
        };
        coalesce::write(&self.together.settling, &self.engine, settling, settling::settle).await
    }

    async fn cancel(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let given = (self.in_flight.records.begin(), self.presence.check(), lane, now, limit);
        self.engine
            .write(given, |(stamp, check, lane, now, limit), session| {
                Box::pin(deliveries::cancel(session, (stamp.at(), *check), *lane, *now, *limit))
            })
            .await
    }

    async fn give_up(&self, lane: Lane, holder: &str, now: Timestamp, parked: bool) -> Result<bool, StoreError> {
        let leaving = || (Leaving { lane, holder: holder.to_owned(), now, parked }, ());
        coalesce::write(&self.together.leaving, &self.engine, leaving, holding::give_up).await
    }

    async fn give_up_all(&self, holder: &str) -> Result<(), StoreError> {
        self.engine.write(holder.to_owned(), |holder, session| Box::pin(lanes::give_up_all(session, holder))).await
    }

    async fn signs(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError> {
        let given = (organization, subscriptions.to_vec());
        self.engine
            .read(given, |(organization, subscriptions), session| {
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

    async fn known(
        &self,
        lane: Lane,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        let given = (lane, deliveries.to_vec());
        self.engine
            .read(given, |(lane, deliveries), session| Box::pin(deliveries::known(session, *lane, deliveries)))
            .await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        pruning::prune(&self.engine, before, limit).await
    }

    async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError> {
        self.engine.read(now, |now, session| Box::pin(lanes::lag(session, *now))).await
    }
}
