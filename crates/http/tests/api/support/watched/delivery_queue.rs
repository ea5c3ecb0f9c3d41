//! The delivery queue of the faulty store: every call is forwarded.

use async_trait::async_trait;
use kernel::{Id, OrganizationId, Revision, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::{
    Audience, Claim, DeliveryQueue, Distribution, Due, Lag, Lane, LaneSigns, Settlement, StoredEvent, Undone,
    WebhookDelivery, WebhookSubscription,
};

use super::{Port, Watched};

#[async_trait]
impl DeliveryQueue for Watched {
    async fn undistributed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        self.inner.undistributed(after, limit).await
    }

    async fn distribute(
        &self,
        organization: OrganizationId,
        holder: &str,
        now: Timestamp,
        limit: usize,
        audience: Audience,
    ) -> Result<Distribution, StoreError> {
        self.inner.distribute(organization, holder, now, limit, audience).await
    }

    async fn lanes_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError> {
        self.inner.lanes_due(now, limit).await
    }

    async fn claim(
        &self,
        lanes: &[Lane],
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        self.inner.claim(lanes, holder, now, until).await
    }

    async fn renew(&self, holder: &str, until: Timestamp) -> Result<(), StoreError> {
        self.inner.renew(holder, until).await
    }

    async fn standing(&self, lane: Lane) -> Result<Option<(Revision, Revision)>, StoreError> {
        self.inner.standing(lane).await
    }

    async fn due(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner.due(lane, now, limit).await
    }

    async fn settle(
        &self,
        lane: Lane,
        settlements: &[Settlement],
        signs: Option<LaneSigns>,
    ) -> Result<Vec<Undone>, StoreError> {
        self.inner.settle(lane, settlements, signs).await
    }

    async fn cancel(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.cancel(lane, now, limit).await
    }

    async fn give_up(&self, lane: Lane, holder: &str, now: Timestamp, parked: bool) -> Result<bool, StoreError> {
        self.inner.give_up(lane, holder, now, parked).await
    }

    async fn give_up_all(&self, holder: &str) -> Result<(), StoreError> {
        self.inner.give_up_all(holder).await
    }

    async fn signs(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError> {
        self.inject(Port::Read).await?;
        self.inner.signs(organization, subscriptions).await
    }

    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.inject(Port::Read).await?;
        self.inner.events(organization, after, last, limit).await
    }

    async fn known(
        &self,
        lane: Lane,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
        self.inject(Port::Read).await?;
        self.inner.known(lane, deliveries).await
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.prune(before, limit).await
    }

    async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError> {
        self.inner.lag(now).await
    }
}
