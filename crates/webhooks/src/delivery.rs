//! Deliveries: one event on its way to one subscription.

use std::{collections::BTreeSet, sync::Arc};

use kernel::{Criteria, HasIdPrefix, Id, Kind, OutboxEvent, Resource, Revision, Stored, Timestamp, string_enum};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{attempt::Attempt, event::StoredEvent, retry::next_attempt_at, subscription::WebhookSubscription};

/// The maximum number of stored attempts of a delivery, enough for a whole retry schedule. If redeliveries add more, the
/// last ones are kept.
pub const MAX_STORED_ATTEMPTS: usize = 20;

/// One event on its way to one subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    /// The subscription that receives the event.
    pub subscription: Id<WebhookSubscription>,
    /// The event.
    pub event: Id<OutboxEvent>,
    /// The name of the event type, from the catalogue or [`crate::TEST_EVENT`]; a newer server may have stored a name
    /// that this one does not support.
    pub event_type: Arc<str>,
    /// The record that the event is about: first attempts about one record are sent in the order of its revisions.
    pub subject: Ulid,
    /// The revision of that record.
    pub subject_revision: Revision,
    /// The state of the delivery.
    pub state: DeliveryState,
    /// The number of attempts that have failed in a row since the delivery was created or last redelivered.
    pub consecutive_failures: u8,
    /// The time of the next attempt; `None` once the delivery is finished.
    pub next_attempt_at: Option<Timestamp>,
    /// The last [`MAX_STORED_ATTEMPTS`] attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

string_enum! {
    /// The state of a delivery.
    DeliveryState {
        /// No attempt has been made yet, or a redelivery was requested.
        Pending = "pending",
        /// The endpoint accepted it.
        Delivered = "delivered",
        /// The last attempt failed; the next one is due later.
        Failed = "failed",
        /// All attempts failed. The delivery can still be redelivered on request.
        Exhausted = "exhausted",
        /// The subscription was deleted, or its account may no longer receive the event.
        Cancelled = "cancelled",
    }
}

impl WebhookDelivery {
    /// Creates the delivery of an event to a subscription, due immediately.
    #[must_use]
    pub fn new(event: &StoredEvent, subscription: Id<WebhookSubscription>) -> Stored<Self> {
        let delivery = Self {
            subscription,
            event: event.id,
            event_type: Arc::clone(&event.name),
            subject: event.subject,
            subject_revision: event.revision,
            state: DeliveryState::Pending,
            consecutive_failures: 0,
            next_attempt_at: Some(event.created_at),
            attempts: Vec::new(),
        };
        Stored::new(
            event.organization,
            Self::derive_id(subscription, event.id, event.created_at),
            event.created_at,
            delivery,
        )
    }

    /// Derives the identifier of the one delivery of this event to this subscription, so that creating it a second time
    /// finds the existing one.
    #[must_use]
    pub fn derive_id(subscription: Id<WebhookSubscription>, event: Id<OutboxEvent>, created_at: Timestamp) -> Id<Self> {
        let mut hash = Sha256::new();
        hash.update(subscription.ulid().to_bytes());
        hash.update(event.ulid().to_bytes());
        let random = hash.finalize().iter().take(10).fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
        Id::new(Ulid::from_parts(u64::try_from(created_at.millis()).unwrap_or(0), random))
    }

    /// Returns the delivery after an attempt that ended at `at`. `jitter` is a random byte that spreads the next
    /// attempt.
    #[must_use]
    pub fn after_attempt(&self, attempt: Attempt, at: Timestamp, jitter: u8) -> Self {
        let mut after = self.clone();
        if attempt.outcome.is_success() {
            after.state = DeliveryState::Delivered;
            after.consecutive_failures = 0;
            after.next_attempt_at = None;
        } else {
            after.consecutive_failures = self.consecutive_failures.saturating_add(1);
            after.next_attempt_at =
                next_attempt_at(usize::from(after.consecutive_failures), at, jitter, attempt.outcome.retry_after);
            after.state =
                if after.next_attempt_at.is_some() { DeliveryState::Failed } else { DeliveryState::Exhausted };
        }
        if after.attempts.len() >= MAX_STORED_ATTEMPTS {
            after.attempts.drain(..=after.attempts.len() - MAX_STORED_ATTEMPTS);
        }
        after.attempts.push(attempt);
        after
    }

    /// Returns the delivery due again at `at`, with a fresh retry schedule.
    #[must_use]
    pub fn requeued(&self, at: Timestamp) -> Self {
        Self { state: DeliveryState::Pending, consecutive_failures: 0, next_attempt_at: Some(at), ..self.clone() }
    }

    /// Returns the delivery as cancelled: no further attempt is made unless a redelivery is requested.
    #[must_use]
    pub fn cancelled(&self) -> Self {
        Self { state: DeliveryState::Cancelled, next_attempt_at: None, ..self.clone() }
    }

    /// The time of the next attempt, given the subscription of the delivery, and whether the webhooks of the
    /// installation are paused. There is none while they are, or while the subscription is disabled: then the delivery
    /// waits, whenever it was due.
    #[must_use]
    pub fn scheduled_at(&self, subscription: &WebhookSubscription, paused: bool) -> Option<Timestamp> {
        self.next_attempt_at.filter(|_| subscription.is_active() && !paused)
    }

    /// Whether the delivery is as its event created it: never attempted, cancelled or deferred.
    #[must_use]
    pub fn is_unchanged(stored: &Stored<Self>) -> bool {
        let delivery = &stored.record;
        stored.meta.revision == Revision::FIRST
            && delivery.state == DeliveryState::Pending
            && delivery.attempts.is_empty()
    }

    /// The order in which due deliveries are attempted: the longest due first. Unchanged ones are due since their event,
    /// and the events about a record are later than those about its earlier revisions.
    #[must_use]
    pub fn due_order(stored: &Stored<Self>) -> (Option<Timestamp>, Revision, Id<Self>) {
        if Self::is_unchanged(stored) {
            return (Some(stored.meta.created_at), Revision(0), stored.meta.id);
        }
        (stored.record.next_attempt_at, stored.record.subject_revision, stored.meta.id)
    }

    /// Whether no attempt has been made yet, so that later events about the same record must wait for this delivery.
    #[must_use]
    pub fn is_first_attempt(&self) -> bool {
        self.attempts.is_empty()
    }
}

/// Returns the deliveries that an event creates: one for each active subscription to its type that existed when it
/// happened. They are due immediately, also at `now` if the event has a later time, since the clock was set back.
#[must_use]
pub fn deliveries_for(
    event: &StoredEvent,
    subscriptions: &[Stored<WebhookSubscription>],
    now: Timestamp,
) -> Vec<Stored<WebhookDelivery>> {
    let Ok(event_type) = event.name.parse() else { return Vec::new() };
    subscriptions
        .iter()
        .filter(|stored| stored.meta.organization == event.organization && stored.meta.created_at <= event.created_at)
        .filter(|stored| stored.record.is_active() && stored.record.event_types.contains(&event_type))
        .map(|stored| {
            let mut delivery = WebhookDelivery::new(event, stored.meta.id);
            delivery.record.next_attempt_at = Some(event.created_at.min(now));
            delivery
        })
        .collect()
}

impl HasIdPrefix for WebhookDelivery {
    const PREFIX: &'static str = "whdel";
}

impl Resource for WebhookDelivery {
    const KIND: Kind = Kind::WebhookDelivery;
    type Filter = DeliveryFilter;

    fn unique_key(&self) -> Option<&str> {
        None
    }
}

/// A filter for lists of deliveries. An empty set matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// The subscription; `None` matches all.
    pub subscription: Option<Id<WebhookSubscription>>,
    /// The states.
    pub states: BTreeSet<DeliveryState>,
    /// The names of the event types.
    pub event_types: BTreeSet<String>,
}

impl Criteria<WebhookDelivery> for DeliveryFilter {
    fn matches(&self, stored: &Stored<WebhookDelivery>) -> bool {
        let delivery = &stored.record;
        self.subscription.is_none_or(|subscription| subscription == delivery.subscription)
            && (self.states.is_empty() || self.states.contains(&delivery.state))
            && (self.event_types.is_empty() || self.event_types.contains(&*delivery.event_type))
    }
}
