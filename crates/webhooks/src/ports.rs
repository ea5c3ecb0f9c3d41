//! The ports of webhooks: storage, network and cryptography.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Entropy, Id, OrganizationId, OutboxEvent, Revision, StoreError, Stored, Timestamp};
use ulid::Ulid;

use crate::{
    attempt::{Attempt, AttemptOutcome},
    delivery::WebhookDelivery,
    endpoint::EndpointUrl,
    message::Message,
    secret::{EncryptedSecret, WebhookSecret},
    subscription::WebhookSubscription,
};

/// An event from the outbox, as it was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The identifier of the event.
    pub id: Id<OutboxEvent>,
    /// The organization that the event belongs to.
    pub organization: OrganizationId,
    /// The name of the event type, from the catalogue of the server that wrote it.
    pub name: Arc<str>,
    /// The record that the event is about.
    pub subject: Ulid,
    /// The revision of that record.
    pub revision: Revision,
    /// When it happened; events about one record never have a timestamp before that of an earlier revision.
    pub created_at: Timestamp,
    /// The rendered body; empty if only the metadata was read.
    pub body: Bytes,
}

impl From<&OutboxEvent> for StoredEvent {
    fn from(event: &OutboxEvent) -> Self {
        Self {
            id: event.id,
            organization: event.organization,
            name: event.name.into(),
            subject: event.subject.1,
            revision: event.revision,
            created_at: event.created_at,
            body: event.body.clone(),
        }
    }
}

/// The deliveries of one subscription: the unit that is leased to one server at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The organization of the subscription.
    pub organization: OrganizationId,
    /// The subscription.
    pub subscription: Id<WebhookSubscription>,
}

/// The health of the deliveries of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryHealth {
    /// When an attempt last succeeded.
    pub last_delivery_at: Option<Timestamp>,
    /// The time of the first failure after the last success; `None` while attempts succeed.
    pub failing_since: Option<Timestamp>,
}

impl DeliveryHealth {
    /// Returns the health after one more attempt.
    #[must_use]
    pub fn after(self, attempt: &Attempt) -> Self {
        if attempt.outcome.is_success() {
            Self { last_delivery_at: self.last_delivery_at.max(Some(attempt.at)), failing_since: None }
        } else {
            Self { failing_since: self.failing_since.or(Some(attempt.at)), ..self }
        }
    }
}

/// An acquired lease of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLease {
    /// The leased partition.
    pub partition: Partition,
    /// The stored health of its deliveries.
    pub health: DeliveryHealth,
}

/// A delivery that is due, with the body to send.
#[derive(Clone, Debug, PartialEq)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Stored<WebhookDelivery>,
    /// The rendered body of the event.
    pub body: Bytes,
}

/// A changed delivery after an attempt; it is stored only if the delivery still has the revision of `before`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryUpdate {
    /// The delivery before the attempt.
    pub before: Stored<WebhookDelivery>,
    /// The delivery after the attempt.
    pub after: Stored<WebhookDelivery>,
}

/// A delivery that was changed concurrently, so that its update was not stored: it must be read again.
pub type StaleDelivery = Id<WebhookDelivery>;

/// The subscriptions that an event is fanned out to. Healthy endpoints go first, so that their deliveries don't wait
/// until those to failing endpoints are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FanOutPhase {
    /// Only the subscriptions whose endpoints are not failing.
    Healthy,
    /// All subscriptions that select the event.
    Remaining,
}

/// The result of fanning out a batch of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FanOut {
    /// Number of events that were processed.
    pub events: usize,
    /// Number of their deliveries, including those that existed before.
    pub deliveries: usize,
    /// Whether the events stay pending for the remaining subscriptions.
    pub remaining: bool,
}

/// The backlog of events and deliveries, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryLag {
    /// The time of the oldest event that is not fanned out.
    pub oldest_event: Option<Timestamp>,
    /// The time since which the longest-waiting delivery has been due.
    pub oldest_due: Option<Timestamp>,
    /// Number of partitions with due deliveries.
    pub due_partitions: u64,
}

/// Storage of events, deliveries and partitions: fan-out from the outbox to deliveries, and delivery to endpoints.
///
/// Leases are stored in rows and compared with the timestamps that callers pass, which come from the installation's
/// clock. Changes that API callers request go through [`kernel::Ledger::commit`]: a commit that stores a due delivery
/// or a subscription makes its partition due.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Returns the organizations that have events to fan out, ordered by identifier, after `after`, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn pending_organizations(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError>;

    /// Fans out the organization's pending events to deliveries ([`crate::deliveries_for`]) and makes their partitions
    /// due, in one transaction: at most `limit` events, oldest first, those of one record in the order of its
    /// revisions. Does nothing unless `owner` has [`Lease::Distributor`](../store/enum.Lease.html). An event whose name
    /// is not in the catalogue stays pending for a server that supports it. With [`FanOutPhase::Healthy`] the events
    /// stay pending for the remaining subscriptions, if there are any. If no healthy subscription selects them, they
    /// are fanned out to all immediately.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn fan_out(
        &self,
        organization: OrganizationId,
        owner: &str,
        now: Timestamp,
        limit: usize,
        phase: FanOutPhase,
    ) -> Result<FanOut, StoreError>;

    /// Returns the partitions that are due at `now` and not leased, the longest-waiting first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due_partitions(&self, now: Timestamp, limit: usize) -> Result<Vec<Partition>, StoreError>;

    /// Acquires leases until `expires_at` of those of the partitions that are still due at `now` and not leased.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then no lease is acquired.
    async fn acquire_partitions(
        &self,
        partitions: &[Partition],
        owner: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Vec<PartitionLease>, StoreError>;

    /// Extends all partition leases of this owner to `expires_at`. A partition that another owner has acquired in the
    /// meantime stays lost; a lease that has only expired is renewed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn renew_partitions(&self, owner: &str, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Returns the current revisions of the partition's subscription and of its account; `None` if one does not exist.
    /// The read starts after the call; concurrent calls may share one read.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn partition_revisions(&self, partition: Partition) -> Result<Option<(Revision, Revision)>, StoreError>;

    /// Returns the partition's due deliveries, at most `limit`: the longest-due first and, with equal times, lower
    /// revisions first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due_deliveries(
        &self,
        partition: Partition,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<DueDelivery>, StoreError>;

    /// Stores the results of attempts, each if the delivery still has its previous revision, and the partition's health
    /// if given. Returns the deliveries that were changed concurrently. `updated_at` may be stored slightly later than
    /// `after` has it, so that lists by time of change miss no delivery.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn record_results(
        &self,
        partition: Partition,
        updates: &[DeliveryUpdate],
        health: Option<DeliveryHealth>,
    ) -> Result<Vec<StaleDelivery>, StoreError>;

    /// Cancels unfinished deliveries of the partition, at most `limit`. Returns how many were cancelled.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn cancel_deliveries(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Releases the lease of the partition and stores when the partition is due next. Returns `false`, and keeps the
    /// lease, when a delivery is due at `now`, or when the partition was made due since the lease was acquired or since
    /// the last such `false`: then the subscription must be read again as well. With `suspended`, deliveries in the
    /// partition don't make it due; only a new wake-up does. A partition whose lease was lost counts as released.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release_partition(
        &self,
        partition: Partition,
        owner: &str,
        now: Timestamp,
        suspended: bool,
    ) -> Result<bool, StoreError>;

    /// Releases all partition leases of this owner, for a server that stops. The partitions stay due.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn release_all_partitions(&self, owner: &str) -> Result<(), StoreError>;

    /// Returns the health of the deliveries to these subscriptions; subscriptions without attempts are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delivery_health(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError>;

    /// Returns the organization's events with identifiers after `after` and up to `last`, whether fanned out or not,
    /// ordered by identifier, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn events(
        &self,
        organization: OrganizationId,
        after: Ulid,
        last: Ulid,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Returns those of these deliveries of the partition that exist.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn existing_deliveries(
        &self,
        partition: Partition,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError>;

    /// Deletes deliveries from before `before` that are finished or whose subscription is disabled, and events from
    /// before it that are fanned out and that no delivery needs any more, at most `limit` of each. Returns how many
    /// rows were deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Returns the backlog at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delivery_lag(&self, now: Timestamp) -> Result<DeliveryLag, StoreError>;
}

/// Sends messages under the rules of the contract: no redirects, no proxy, only allowed addresses, bounded in time and
/// size.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Makes one attempt. Every failure is part of the returned outcome.
    async fn send(&self, url: &EndpointUrl, message: Message) -> AttemptOutcome;
}

/// Encrypts webhook secrets and signs with them.
pub trait WebhookSigner: Send + Sync {
    /// Encrypts the secret, bound to this subscription.
    fn encrypt(&self, entropy: &dyn Entropy, subscription: Id<WebhookSubscription>, secret: &WebhookSecret) -> Vec<u8>;

    /// Returns the value of `webhook-signature`: one signature of the content for each secret, in their order; `None`
    /// if a secret can't be decrypted.
    fn sign(
        &self,
        subscription: Id<WebhookSubscription>,
        secrets: &[&EncryptedSecret],
        content: &[u8],
    ) -> Option<String>;

    /// Returns the signature of the content with a plain secret.
    fn sign_with(&self, secret: &WebhookSecret, content: &[u8]) -> String;
}

/// Wakes up the delivery workers of this process: events were committed, or deliveries are due.
///
/// Notifications only save waiting: the workers also poll, and find the same work a little later.
pub trait DeliveryNotifier: Send + Sync {
    /// Notifies the workers. Never blocks; notifications that were not received yet are merged into one.
    fn notify(&self);
}
