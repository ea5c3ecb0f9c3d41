//! Webhook support: fake endpoints, a counting notifier, and subscriptions, events and deliveries in the store.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kernel::{Description, Id, Kind, OutboxEvent, Revision, Stored};
use webhooks::{
    Attempt, AttemptFailure, AttemptOutcome, DeliveryNotifier, EncryptedSecret, EndpointUrl, EventType, Message,
    Sender, StoredEvent, SubscriptionStatus, WebhookDelivery, WebhookSecret, WebhookSigner, WebhookSubscription,
};

use super::test_api::{Client, TestApi};

/// The media type of events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

pub(crate) fn subscriptions_path() -> &'static str {
    "/api/v1/webhooks/subscriptions"
}

/// A sender that records each message and returns the scripted outcomes, then 204.
#[derive(Default)]
pub(crate) struct FakeEndpoints {
    script: Mutex<VecDeque<AttemptOutcome>>,
    sent: Mutex<Vec<(String, Message)>>,
}

impl FakeEndpoints {
    /// Appends an outcome to the script.
    pub(crate) fn push_outcome(&self, outcome: AttemptOutcome) {
        self.script.lock().unwrap().push_back(outcome);
    }

    /// Takes the messages that were sent since the last call, each with its URL.
    pub(crate) fn take_sent(&self) -> Vec<(String, Message)> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

#[async_trait]
impl Sender for FakeEndpoints {
    async fn send(&self, url: &EndpointUrl, message: Message) -> AttemptOutcome {
        tokio::task::yield_now().await;
        self.sent.lock().unwrap().push((url.to_string(), message));
        let success = AttemptOutcome {
            duration: Duration::from_millis(12),
            status: Some(204),
            response_body: None,
            failure: None,
            retry_after: None,
        };
        self.script.lock().unwrap().pop_front().unwrap_or(success)
    }
}

/// The outcome of an attempt that the endpoint answered with an error status and this body.
pub(crate) fn refused_outcome(status: u16, body: &str) -> AttemptOutcome {
    AttemptOutcome {
        duration: Duration::from_millis(7),
        status: Some(status),
        response_body: Some(body.to_owned()),
        failure: Some(AttemptFailure::Refused),
        retry_after: None,
    }
}

/// A delivery notifier that counts its notifications.
#[derive(Default)]
pub(crate) struct CountingNotifier(AtomicU64);

impl CountingNotifier {
    /// Takes the number of notifications since the last call.
    pub(crate) fn take_count(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl DeliveryNotifier for CountingNotifier {
    fn notify(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl TestApi {
    /// Stores a subscription of the client to all event types. Only the uniqueness of its slot is checked.
    pub(crate) async fn store_subscription(&self, client: &Client, slot: u8) -> Stored<WebhookSubscription> {
        let mut changeset = self.fixture.changeset(client.account.meta.organization);
        let secret = WebhookSecret::generate(&*self.fixture.entropy);
        let id = self.fixture.new_id();
        let ciphertext = self.keys.webhooks.encrypt(&*self.fixture.entropy, id, &secret);
        let record = WebhookSubscription::from_parts(
            client.account.meta.id,
            slot,
            EndpointUrl::from_stored("https://mirror.example/novantra").unwrap(),
            Description::parse("a mirror").unwrap(),
            BTreeSet::from_iter(EventType::ALL.iter().copied()),
            SubscriptionStatus::Active,
            None,
            vec![EncryptedSecret { ciphertext, expires_at: None }],
        );
        let stored = Stored::new(changeset.organization(), id, changeset.at(), record);
        changeset.create(&stored);
        self.fixture.commit(changeset).await.unwrap();
        stored
    }

    /// Stores an event of the current time without any delivery.
    pub(crate) async fn store_event(&self, subscription: &Stored<WebhookSubscription>) -> StoredEvent {
        let mut changeset = self.fixture.changeset(subscription.meta.organization);
        let event = OutboxEvent {
            id: self.fixture.new_id(),
            organization: changeset.organization(),
            name: EventType::FindingCreated.name(),
            subject: (Kind::Finding, self.fixture.new_id::<findings::Finding>().ulid()),
            revision: Revision::FIRST,
            created_at: changeset.at(),
            body: b"{}".as_slice().into(),
        };
        let stored = StoredEvent::from(&event);
        changeset.publish(event);
        self.fixture.commit(changeset).await.unwrap();
        stored
    }

    /// Stores a delivery of a new event with this number of failed attempts; ten exhaust it.
    pub(crate) async fn store_failed_delivery(
        &self,
        subscription: &Stored<WebhookSubscription>,
        attempts: usize,
    ) -> Stored<WebhookDelivery> {
        let event = self.store_event(subscription).await;
        let mut delivery = WebhookDelivery::new(&event, subscription.meta.id);
        for _ in 0..attempts {
            let at = self.fixture.now();
            delivery.record = delivery.record.after_attempt(Attempt { at, outcome: refused_outcome(500, "no") }, at, 0);
        }
        let mut changeset = self.fixture.changeset(subscription.meta.organization);
        changeset.create(&delivery);
        self.fixture.commit(changeset).await.unwrap();
        delivery
    }

    pub(crate) async fn stored_delivery(&self, id: Id<WebhookDelivery>) -> Stored<WebhookDelivery> {
        self.fixture.get(self.home, id).await.unwrap()
    }
}
