//! Shorthands for tests of the fan-out and the delivery of events.

use std::time::Duration;

use findings::Finding;
use kernel::{OrganizationId, OutboxEvent, PageRequest, Stored, Timestamp};
use store::Lease;
use webhooks::{
    AttemptFailure, DeliveryFilter, DeliveryUpdate, DueDelivery, FanOut, FanOutPhase, Partition, WebhookDelivery,
    WebhookSubscription,
};

use crate::{Fixture, samples};

/// The owner of the fan-out lease.
pub(crate) const FAN_OUT_OWNER: &str = "distributor";
/// The duration of a partition lease.
pub(crate) const LEASE_DURATION: Duration = Duration::from_secs(20);

impl Fixture {
    /// Creates an active subscription of a new account to `finding.created`.
    pub(crate) async fn subscribe(&self, organization: OrganizationId, name: &str) -> Stored<WebhookSubscription> {
        let account = self.create(organization, samples::account(name)).await;
        self.create(organization, samples::subscription(account.meta.id, 0)).await
    }

    /// Creates a subscription whose partition has nothing due.
    pub(crate) async fn idle_partition(&self, account: &str) -> (Partition, Stored<WebhookSubscription>) {
        let subscription = self.subscribe(self.home, account).await;
        self.acquire_and_release(partition_of(&subscription)).await;
        (partition_of(&subscription), subscription)
    }

    /// Creates a finding and publishes an event about it.
    pub(crate) async fn publish_finding(
        &self,
        organization: OrganizationId,
        key: &str,
    ) -> (Stored<Finding>, OutboxEvent) {
        let (mut changeset, finding) = self.create_changeset(organization, samples::finding(key));
        let event = samples::outbox_event(&*self.entropy, &finding);
        changeset.publish(event.clone());
        self.commit(changeset).await.unwrap();
        (finding, event)
    }

    /// Updates a finding and publishes an event about the change.
    pub(crate) async fn publish_update(&self, before: &Stored<Finding>) -> (Stored<Finding>, OutboxEvent) {
        let (mut changeset, finding) = self.update_changeset(before, before.record.clone());
        let event = samples::outbox_event(&*self.entropy, &finding);
        changeset.publish(event.clone());
        self.commit(changeset).await.unwrap();
        (finding, event)
    }

    /// Acquires the lease and fans out one batch of events to all subscriptions.
    pub(crate) async fn fan_out(&self, organization: OrganizationId, limit: usize) -> FanOut {
        assert!(self.store.acquire_lease(Lease::Distributor, FAN_OUT_OWNER, self.now(), LEASE_DURATION).await.unwrap());
        self.fan_out_phase(organization, limit, FanOutPhase::Remaining).await
    }

    /// Fans out one batch of events in this phase. The caller must own the lease.
    pub(crate) async fn fan_out_phase(&self, organization: OrganizationId, limit: usize, phase: FanOutPhase) -> FanOut {
        self.store.fan_out(organization, FAN_OUT_OWNER, self.now(), limit, phase).await.unwrap()
    }

    /// The deliveries of the partition that are due now.
    pub(crate) async fn due_deliveries(&self, partition: Partition) -> Vec<DueDelivery> {
        self.store.due_deliveries(partition, self.now(), 100).await.unwrap()
    }

    /// All deliveries of the organization, oldest change first.
    pub(crate) async fn deliveries(&self, organization: OrganizationId) -> Vec<Stored<WebhookDelivery>> {
        let page = PageRequest { order: kernel::Order::Changed, ..PageRequest::default() };
        self.list_all(organization, &DeliveryFilter::default(), page).await
    }

    /// The partitions that are due now.
    pub(crate) async fn due_partitions(&self) -> Vec<Partition> {
        self.store.due_partitions(self.now(), 100).await.unwrap()
    }

    /// Tries to acquire the lease of a partition; returns whether it succeeded.
    pub(crate) async fn acquire(&self, partition: Partition, owner: &str) -> bool {
        let now = self.now();
        !self.store.acquire_partitions(&[partition], owner, now, now + LEASE_DURATION).await.unwrap().is_empty()
    }

    /// Tries to release the lease of a partition; returns whether it is released.
    pub(crate) async fn release(&self, partition: Partition, owner: &str) -> bool {
        self.store.release_partition(partition, owner, self.now(), false).await.unwrap()
    }

    /// Acquires and releases the lease of a partition that has nothing due.
    pub(crate) async fn acquire_and_release(&self, partition: Partition) {
        assert!(self.acquire(partition, "idle").await);
        assert!(self.release(partition, "idle").await);
    }
}

/// The partition of a subscription.
pub(crate) fn partition_of(subscription: &Stored<WebhookSubscription>) -> Partition {
    Partition { organization: subscription.meta.organization, subscription: subscription.meta.id }
}

/// The result of an attempt at this moment, as it is recorded.
pub(crate) fn attempt_result(
    before: &Stored<WebhookDelivery>,
    at: Timestamp,
    failure: Option<AttemptFailure>,
) -> DeliveryUpdate {
    let after = before.record.after_attempt(samples::attempt(at, failure), at, 128);
    DeliveryUpdate { before: before.clone(), after: before.changed(at, after) }
}
