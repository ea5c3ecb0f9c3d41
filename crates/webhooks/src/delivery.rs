//! Deliveries: one event on its way to one subscription.

use std::{collections::BTreeSet, sync::Arc};

use kernel::{Criteria, Id, Kind, Named, OutboxEvent, Resource, Revision, Stored, Timestamp, words};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::{attempt::Attempt, ports::StoredEvent, retry::next_attempt, subscription::WebhookSubscription};

/// How many attempts of a delivery are kept: all of a timeline, and the last of many that were asked for.
pub const ATTEMPTS_KEPT: usize = 20;

/// One event on its way to one subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    /// To which.
    pub subscription: Id<WebhookSubscription>,
    /// Which event.
    pub event: Id<OutboxEvent>,
    /// What happened, as the catalogue or [`crate::TEST_EVENT`] has it; a newer server may know more words than this one.
    pub event_type: Arc<str>,
    /// What it happened to: first attempts about one record go out in the order of its revisions.
    pub subject: Ulid,
    /// The record's revision.
    pub subject_revision: Revision,
    /// How far it is.
    pub state: DeliveryState,
    /// How many attempts failed in a row, since it was last asked for.
    pub failed: u8,
    /// When it is tried next; `None` once it is over.
    pub next_attempt_at: Option<Timestamp>,
    /// The attempts, oldest first, the last [`ATTEMPTS_KEPT`] of them.
    pub attempts: Vec<Attempt>,
}

words! {
    /// How far a delivery is.
    DeliveryState {
        /// It was not tried yet, or is to be tried again because somebody asked.
        Pending = "pending",
        /// The endpoint took it.
        Delivered = "delivered",
        /// The last attempt failed; the next one is due later.
        Failed = "failed",
        /// All attempts failed. It is kept, to be asked for again.
        Exhausted = "exhausted",
        /// Its subscription was deleted, or its account may not be told any more.
        Cancelled = "cancelled",
    }
}

impl WebhookDelivery {
    /// The event for the subscription, to be tried as soon as it can.
    #[must_use]
    pub fn of(event: &StoredEvent, subscription: Id<WebhookSubscription>) -> Stored<Self> {
        let delivery = Self {
            subscription,
            event: event.id,
            event_type: Arc::clone(&event.name),
            subject: event.subject,
            subject_revision: event.revision,
            state: DeliveryState::Pending,
            failed: 0,
            next_attempt_at: Some(event.created_at),
            attempts: Vec::new(),
        };
        Stored::new(event.organization, Self::id(subscription, event.id, event.created_at), event.created_at, delivery)
    }

    /// The identifier of the delivery of this event to this subscription, of which there is one: whoever makes it twice
    /// finds it there.
    #[must_use]
    pub fn id(subscription: Id<WebhookSubscription>, event: Id<OutboxEvent>, created_at: Timestamp) -> Id<Self> {
        let mut hash = Sha256::new();
        hash.update(subscription.ulid().to_bytes());
        hash.update(event.ulid().to_bytes());
        let random = hash.finalize().iter().take(10).fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
        Id::new(Ulid::from_parts(u64::try_from(created_at.millis()).unwrap_or(0), random))
    }

    /// The delivery after an attempt that ended `at` this moment. `chance` is any byte, and spreads the next attempt.
    #[must_use]
    pub fn attempted(&self, attempt: Attempt, at: Timestamp, chance: u8) -> Self {
        let mut after = self.clone();
        if attempt.outcome.is_success() {
            after.state = DeliveryState::Delivered;
            after.failed = 0;
            after.next_attempt_at = None;
        } else {
            after.failed = self.failed.saturating_add(1);
            after.next_attempt_at = next_attempt(usize::from(after.failed), at, chance, attempt.outcome.retry_after);
            after.state =
                if after.next_attempt_at.is_some() { DeliveryState::Failed } else { DeliveryState::Exhausted };
        }
        if after.attempts.len() >= ATTEMPTS_KEPT {
            after.attempts.drain(..=after.attempts.len() - ATTEMPTS_KEPT);
        }
        after.attempts.push(attempt);
        after
    }

    /// The delivery, to be tried again at once and from the beginning of the timeline.
    #[must_use]
    pub fn again(&self, at: Timestamp) -> Self {
        Self { state: DeliveryState::Pending, failed: 0, next_attempt_at: Some(at), ..self.clone() }
    }

    /// The delivery, never to be tried again unless it is asked for.
    #[must_use]
    pub fn cancelled(&self) -> Self {
        Self { state: DeliveryState::Cancelled, next_attempt_at: None, ..self.clone() }
    }

    /// Whether it was never tried, so that what happened later to the same record waits for it.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.attempts.is_empty()
    }
}

/// The deliveries that an event makes: one for each active subscription to it that was there when it happened.
#[must_use]
pub fn addressed(event: &StoredEvent, subscriptions: &[Stored<WebhookSubscription>]) -> Vec<Stored<WebhookDelivery>> {
    let Ok(event_type) = event.name.parse() else { return Vec::new() };
    subscriptions
        .iter()
        .filter(|one| one.meta.organization == event.organization && one.meta.created_at <= event.created_at)
        .filter(|one| one.record.is_active() && one.record.event_types.contains(&event_type))
        .map(|one| WebhookDelivery::of(event, one.meta.id))
        .collect()
}

impl Named for WebhookDelivery {
    const PREFIX: &'static str = "whdel";
}

impl Resource for WebhookDelivery {
    const KIND: Kind = Kind::WebhookDelivery;
    type Filter = DeliveryFilter;

    fn unique_key(&self) -> Option<&str> {
        None
    }
}

/// What a list of deliveries is narrowed by. An empty set means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// To which subscription; to any where `None`.
    pub subscription: Option<Id<WebhookSubscription>>,
    /// How far they are.
    pub states: BTreeSet<DeliveryState>,
    /// What happened.
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
