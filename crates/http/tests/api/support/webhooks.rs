//! Webhooks in tests: endpoints that answer as they are told, and records as they would be after a while.

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
    Attempt, Bell, EndpointUrl, EventType, Failure, Message, Outcome, SealedSecret, Secrets, Sender, StoredEvent,
    SubscriptionStatus, WebhookDelivery, WebhookSecret, WebhookSubscription,
};

use super::house::{Client, House};

/// The media type of events.
pub(crate) const EVENTS: &str = "text/event-stream";

pub(crate) fn subscriptions_path() -> &'static str {
    "/api/v1/webhooks/subscriptions"
}

/// Answers what tests tell it to, and 204 where they say nothing.
#[derive(Default)]
pub(crate) struct Endpoints {
    script: Mutex<VecDeque<Outcome>>,
    sent: Mutex<Vec<(String, Message)>>,
}

impl Endpoints {
    pub(crate) fn next(&self, outcome: Outcome) {
        self.script.lock().unwrap().push_back(outcome);
    }

    /// What was sent since this was last asked, and where.
    pub(crate) fn sent(&self) -> Vec<(String, Message)> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

#[async_trait]
impl Sender for Endpoints {
    async fn send(&self, url: &EndpointUrl, message: Message) -> Outcome {
        tokio::task::yield_now().await;
        self.sent.lock().unwrap().push((url.to_string(), message));
        let taken = Outcome {
            took: Duration::from_millis(12),
            status: Some(204),
            answer: None,
            failure: None,
            retry_after: None,
        };
        self.script.lock().unwrap().pop_front().unwrap_or(taken)
    }
}

/// An answer that is a failure.
pub(crate) fn refused(status: u16, answer: &str) -> Outcome {
    Outcome {
        took: Duration::from_millis(7),
        status: Some(status),
        answer: Some(answer.to_owned()),
        failure: Some(Failure::Refused),
        retry_after: None,
    }
}

#[derive(Default)]
pub(crate) struct CountingBell(AtomicU64);

impl CountingBell {
    /// How often it rang since this was last asked.
    pub(crate) fn rings(&self) -> u64 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Bell for CountingBell {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl House {
    /// Stores a subscription of the client's to all events, past all rules but that of its place.
    pub(crate) async fn subscription(&self, client: &Client, place: u8) -> Stored<WebhookSubscription> {
        let mut changeset = self.fixture.changeset(client.account.meta.organization);
        let secret = WebhookSecret::generate(&*self.fixture.entropy);
        let id = self.fixture.id();
        let sealed = self.keys.webhooks.seal(&*self.fixture.entropy, id, &secret);
        let record = WebhookSubscription::of_parts(
            client.account.meta.id,
            place,
            EndpointUrl::of_stored("https://mirror.example/novantra").unwrap(),
            Description::parse("a mirror").unwrap(),
            BTreeSet::from_iter(EventType::ALL.iter().copied()),
            SubscriptionStatus::Active,
            None,
            vec![SealedSecret { sealed, ends_at: None }],
        );
        let stored = Stored::new(changeset.organization(), id, changeset.at(), record);
        changeset.create(&stored);
        self.fixture.commit(changeset).await.unwrap();
        stored
    }

    /// Stores an event of the moment that nobody was told of.
    pub(crate) async fn event(&self, subscription: &Stored<WebhookSubscription>) -> StoredEvent {
        let mut changeset = self.fixture.changeset(subscription.meta.organization);
        let event = OutboxEvent {
            id: self.fixture.id(),
            organization: changeset.organization(),
            name: EventType::FindingCreated.name(),
            subject: (Kind::Finding, self.fixture.id::<findings::Finding>().ulid()),
            revision: Revision::FIRST,
            created_at: changeset.at(),
            body: b"{}".as_slice().into(),
        };
        let stored = StoredEvent {
            id: event.id,
            organization: event.organization,
            name: event.name.into(),
            subject: event.subject.1,
            revision: event.revision,
            created_at: event.created_at,
            body: event.body.clone(),
        };
        changeset.publish(event);
        self.fixture.commit(changeset).await.unwrap();
        stored
    }

    /// Stores a delivery of an event of the moment, after so many attempts that failed: ten exhaust it.
    pub(crate) async fn failed_delivery(
        &self,
        subscription: &Stored<WebhookSubscription>,
        attempts: usize,
    ) -> Stored<WebhookDelivery> {
        let event = self.event(subscription).await;
        let mut delivery = WebhookDelivery::of(&event, subscription.meta.id);
        for _ in 0..attempts {
            let at = self.fixture.now();
            delivery.record = delivery.record.attempted(Attempt { at, outcome: refused(500, "no") }, at, 0);
        }
        let mut changeset = self.fixture.changeset(subscription.meta.organization);
        changeset.create(&delivery);
        self.fixture.commit(changeset).await.unwrap();
        delivery
    }

    pub(crate) async fn present_delivery(&self, id: Id<WebhookDelivery>) -> Stored<WebhookDelivery> {
        self.fixture.get(self.home, id).await.unwrap()
    }
}
