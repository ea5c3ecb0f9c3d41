//! The few steps of tests about events on their way.

use std::time::Duration;

use findings::Finding;
use kernel::{OrganizationId, OutboxEvent, PageRequest, Stored, Timestamp};
use store::Lease;
use webhooks::{
    Audience, DeliveryFilter, Distribution, Due, Failure, Lane, Settlement, WebhookDelivery, WebhookSubscription,
};

use crate::{Fixture, samples};

/// Who distributes.
pub(crate) const DISTRIBUTOR: &str = "distributor";
/// How long a lane is taken for.
pub(crate) const SPAN: Duration = Duration::from_secs(20);

impl Fixture {
    /// An active subscription of a new account to created findings.
    pub(crate) async fn subscribe(&self, organization: OrganizationId, name: &str) -> Stored<WebhookSubscription> {
        let account = self.create(organization, samples::account(name)).await;
        self.create(organization, samples::subscription(account.meta.id, 0)).await
    }

    /// A new finding, and the event that tells of it.
    pub(crate) async fn told(&self, organization: OrganizationId, key: &str) -> (Stored<Finding>, OutboxEvent) {
        let (mut changeset, finding) = self.creation(organization, samples::finding(key));
        let event = samples::outbox_event(&*self.entropy, &finding);
        changeset.publish(event.clone());
        self.commit(changeset).await.unwrap();
        (finding, event)
    }

    /// A change of a finding, and the event that tells of it.
    pub(crate) async fn told_again(&self, before: &Stored<Finding>) -> (Stored<Finding>, OutboxEvent) {
        let (mut changeset, finding) = self.revision(before, before.record.clone());
        let event = samples::outbox_event(&*self.entropy, &finding);
        changeset.publish(event.clone());
        self.commit(changeset).await.unwrap();
        (finding, event)
    }

    /// Takes the lease and distributes once.
    pub(crate) async fn distribute(&self, organization: OrganizationId, limit: usize) -> Distribution {
        assert!(self.store.hold(Lease::Distributor, DISTRIBUTOR, self.now(), SPAN).await.unwrap());
        self.distribute_to(organization, limit, Audience::All).await
    }

    /// The same for this audience, of who has the lease.
    pub(crate) async fn distribute_to(
        &self,
        organization: OrganizationId,
        limit: usize,
        audience: Audience,
    ) -> Distribution {
        self.store.distribute(organization, DISTRIBUTOR, self.now(), limit, audience).await.unwrap()
    }

    /// What is due on the lane now.
    pub(crate) async fn due(&self, lane: Lane) -> Vec<Due> {
        self.store.due(lane, self.now(), 100).await.unwrap()
    }

    /// All deliveries of the organization, oldest change first.
    pub(crate) async fn deliveries(&self, organization: OrganizationId) -> Vec<Stored<WebhookDelivery>> {
        let page = PageRequest { order: kernel::Order::Changed, ..PageRequest::default() };
        self.walk(organization, &DeliveryFilter::default(), page).await
    }

    /// Lanes that are due now.
    pub(crate) async fn lanes_due(&self) -> Vec<Lane> {
        self.store.lanes_due(self.now(), 100).await.unwrap()
    }

    /// Takes a lane; says whether it was to be had.
    pub(crate) async fn claim(&self, lane: Lane, holder: &str) -> bool {
        let now = self.now();
        !self.store.claim(&[lane], holder, now, now + SPAN).await.unwrap().is_empty()
    }

    /// Gives a lane up; says whether that was so.
    pub(crate) async fn give_up(&self, lane: Lane, holder: &str) -> bool {
        self.store.give_up(lane, holder, self.now(), false).await.unwrap()
    }

    /// Takes a lane and gives it up again, there being nothing to do.
    pub(crate) async fn look_at(&self, lane: Lane) {
        assert!(self.claim(lane, "idle").await);
        assert!(self.give_up(lane, "idle").await);
    }
}

/// The lane of a subscription.
pub(crate) fn lane_of(subscription: &Stored<WebhookSubscription>) -> Lane {
    Lane { organization: subscription.meta.organization, subscription: subscription.meta.id }
}

/// What an attempt at this moment makes of a delivery.
pub(crate) fn attempted(before: &Stored<WebhookDelivery>, at: Timestamp, failure: Option<Failure>) -> Settlement {
    let after = before.record.attempted(samples::attempt(at, failure), at, 128);
    Settlement { before: before.clone(), after: before.changed(at, after) }
}
