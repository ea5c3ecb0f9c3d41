//! What webhooks ask of stores, of the network and of cryptography.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Entropy, Id, OrganizationId, OutboxEvent, Revision, StoreError, Stored, Timestamp};
use ulid::Ulid;

use crate::{
    attempt::{Attempt, Outcome},
    delivery::WebhookDelivery,
    endpoint::EndpointUrl,
    message::Message,
    secret::{SealedSecret, WebhookSecret},
    subscription::WebhookSubscription,
};

/// An event out of the outbox, as it was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Names the event.
    pub id: Id<OutboxEvent>,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What happened, as the catalogue of the server that wrote it has it.
    pub name: Arc<str>,
    /// The record it happened to.
    pub subject: Ulid,
    /// That record's revision.
    pub revision: Revision,
    /// When it happened; of one record, never before what happened to it earlier.
    pub created_at: Timestamp,
    /// What is sent; empty where only the head was asked for.
    pub body: Bytes,
}

/// The way to one subscription: what is due on it is sent by one server at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whose.
    pub organization: OrganizationId,
    /// To which subscription.
    pub subscription: Id<WebhookSubscription>,
}

/// How deliveries on a lane went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneSigns {
    /// When an attempt last succeeded.
    pub last_delivery_at: Option<Timestamp>,
    /// Since when none has succeeded: the first failure after the last success.
    pub failing_since: Option<Timestamp>,
}

impl LaneSigns {
    /// The signs after one more attempt.
    #[must_use]
    pub fn after(self, attempt: &Attempt) -> Self {
        if attempt.outcome.is_success() {
            Self { last_delivery_at: self.last_delivery_at.max(Some(attempt.at)), failing_since: None }
        } else {
            Self { failing_since: self.failing_since.or(Some(attempt.at)), ..self }
        }
    }
}

/// Who holds a lane, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which lane.
    pub lane: Lane,
    /// How deliveries on it went so far.
    pub signs: LaneSigns,
}

/// A delivery that is due, with what is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The delivery.
    pub delivery: Stored<WebhookDelivery>,
    /// The event's body.
    pub body: Bytes,
}

/// A delivery after an attempt, to be stored where it is still what it was before.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// As it was.
    pub before: Stored<WebhookDelivery>,
    /// As it is now.
    pub after: Stored<WebhookDelivery>,
}

/// A delivery that was changed meanwhile, so that its settlement was not stored: read it again.
pub type Undone = Id<WebhookDelivery>;

/// For whom events become deliveries. Those who get them are not to wait until all is stored for those who don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Subscriptions whose endpoints are not failing.
    Sound,
    /// All that want them.
    All,
}

/// What a round of distributing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// How many events were looked at.
    pub events: usize,
    /// How many deliveries they have now; one that was there already is counted, too.
    pub deliveries: usize,
    /// Whether they wait on, for the rest of the audience.
    pub left: bool,
}

/// What waits, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The oldest event that was not distributed.
    pub oldest_event: Option<Timestamp>,
    /// The moment from which on the longest-waiting delivery has been due.
    pub oldest_due: Option<Timestamp>,
    /// How many lanes have something due.
    pub lanes_due: u64,
}

/// Events on their way: from the outbox to deliveries, and from there to endpoints.
///
/// Leases live in rows and go by the moments that are handed in, which are those of the installation's clock. Changes that
/// callers ask for go through [`kernel::Ledger::commit`]: a commit that stores a delivery that is due, or a subscription,
/// makes its lane due.
#[async_trait]
pub trait DeliveryQueue: Send + Sync {
    /// Organizations whose events wait to be distributed, in the order of their identifiers and after `after`, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn undistributed(
        &self,
        after: Option<OrganizationId>,
        limit: usize,
    ) -> Result<Vec<OrganizationId>, StoreError>;

    /// Turns the organization's waiting events, at most `limit`, oldest first and those of one record in the order of its
    /// revisions, into deliveries ([`crate::addressed`]) and makes their lanes due: all of it or nothing, and only while
    /// `holder` has [`Lease::Distributor`](../store/enum.Lease.html); else it comes to nothing. An event whose name the
    /// catalogue does not have waits for a server that knows it. For a sound `audience` the events wait on if there is any
    /// other; if nobody of it wants them, they are for all at once.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn distribute(
        &self,
        organization: OrganizationId,
        holder: &str,
        now: Timestamp,
        limit: usize,
        audience: Audience,
    ) -> Result<Distribution, StoreError>;

    /// Lanes that are due at `now` and that nobody holds, the longest-waiting first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn lanes_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError>;

    /// Takes those of the lanes until then that are still due and that nobody holds.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails: then none is taken.
    async fn claim(
        &self,
        lanes: &[Lane],
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Holds every lane of this holder until then. A lane that another took meanwhile stays lost; one that only ran out is
    /// held again.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn renew(&self, holder: &str, until: Timestamp) -> Result<(), StoreError>;

    /// The revisions of the lane's subscription and of its account, as they are now; `None` when one is not there. Read
    /// after this was called; calls in flight may share one read.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn standing(&self, lane: Lane) -> Result<Option<(Revision, Revision)>, StoreError>;

    /// The lane's deliveries that are due, at most `limit`: the longest-due first and, of one moment, lower revisions first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn due(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// Stores what came of attempts, each where the delivery is still what it was, and the lane's signs where given. A
    /// delivery may be noted as changed a little later than `after` says, so that lists by change miss none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn settle(
        &self,
        lane: Lane,
        settlements: &[Settlement],
        signs: Option<LaneSigns>,
    ) -> Result<Vec<Undone>, StoreError>;

    /// Cancels deliveries of the lane that are not over, at most `limit`. Says how many.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn cancel(&self, lane: Lane, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Gives the lane up and notes when it is due next. Says `false`, and leaves it held, when something is due at `now`, or
    /// came in since it was claimed or since this last said so: then the subscription is to be read again, too. With
    /// `parked`, it is not due before something comes in, whatever it holds. A lane that was lost is given up already.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn give_up(&self, lane: Lane, holder: &str, now: Timestamp, parked: bool) -> Result<bool, StoreError>;

    /// Gives up every lane of this holder, as due as they were: for a server that stops.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn give_up_all(&self, holder: &str) -> Result<(), StoreError>;

    /// How deliveries went on the lanes of these subscriptions; those of which nothing is known are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn signs(
        &self,
        organization: OrganizationId,
        subscriptions: &[Id<WebhookSubscription>],
    ) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError>;

    /// Events of the organization with identifiers after `after` and up to `last`, distributed or not, in the order of
    /// their identifiers, at most `limit`.
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

    /// Which of these deliveries of the lane there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn known(
        &self,
        lane: Lane,
        deliveries: &[Id<WebhookDelivery>],
    ) -> Result<Vec<Id<WebhookDelivery>>, StoreError>;

    /// Forgets deliveries from before this moment that are over, or whose subscription is disabled, and events from before
    /// it that were distributed and that no delivery needs any more, at most `limit` of each. Says how many went.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// What waits at `now`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn lag(&self, now: Timestamp) -> Result<Lag, StoreError>;
}

/// Sends messages, under the rules of the contract: no redirect, no proxy, only allowed addresses, bounded in time and size.
#[async_trait]
pub trait Sender: Send + Sync {
    /// One attempt. It always comes to something.
    async fn send(&self, url: &EndpointUrl, message: Message) -> Outcome;
}

/// Every use of a webhook secret.
pub trait Secrets: Send + Sync {
    /// The secret, encrypted for this subscription alone.
    fn seal(&self, entropy: &dyn Entropy, subscription: Id<WebhookSubscription>, secret: &WebhookSecret) -> Vec<u8>;

    /// The value of `webhook-signature`: one signature of the content for each secret, in their order. `None` when one does
    /// not open.
    fn sign(&self, subscription: Id<WebhookSubscription>, secrets: &[&SealedSecret], content: &[u8]) -> Option<String>;

    /// The same with a secret in the open.
    fn sign_with(&self, secret: &WebhookSecret, content: &[u8]) -> String;
}

/// Tells this process's senders that there is something for them: events that were committed, or deliveries that are due.
///
/// A bell only saves waiting. What it would tell of is found without it too, a little later.
pub trait Bell: Send + Sync {
    /// Rings. Never waits; rings that nobody heard yet are one.
    fn ring(&self);
}
