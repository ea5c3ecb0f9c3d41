//! A harness of an in-memory store, an account, and the delivery workers.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth::{Account, AccountStatus, ServiceAccount};
use bytes::Bytes;
use crypto::{HmacWebhookSigner, MasterKey};
use delivery::{DeliveryObserver, DeliveryServices, Dispatcher, Distributor};
use kernel::{Entropy, Id, Kind, OutboxEvent, PageRequest, Revision, Stored, Timestamp, WriteContext};
use scopes::ScopeSet;
use store_contract::{Fixture, OpenedStore, TestClock, samples};
use store_memory::MemoryStore;
use ulid::Ulid;
use webhooks::{
    AddressPolicy, AttemptOutcome, DeliveryFilter, DisabledReason, EndpointUrl, EventType, NewSubscription,
    SubscriptionPatch, WebhookDelivery, WebhookSecret, WebhookSigner, WebhookSubscription,
};

use super::fake_endpoints::FakeEndpoints;

pub(crate) const HOOK: &str = "https://hook.example/";

/// An observer that observer events.
#[derive(Default)]
pub(crate) struct CountingObserver {
    pub(crate) exhausted: AtomicUsize,
    pub(crate) disabled: Mutex<Vec<DisabledReason>>,
}

impl DeliveryObserver for CountingObserver {
    fn attempt_started(&self) {}

    fn attempt_ended(&self, _: &AttemptOutcome) {}

    fn delivery_exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::SeqCst);
    }

    fn subscription_disabled(&self, reason: DisabledReason) {
        self.disabled.lock().unwrap().push(reason);
    }
}

/// The delivery workers over an in-memory store, with fake endpoints.
pub(crate) struct DeliveryHarness {
    pub(crate) fixture: Fixture,
    pub(crate) endpoints: Arc<FakeEndpoints>,
    pub(crate) observer: Arc<CountingObserver>,
    pub(crate) signer: Arc<HmacWebhookSigner>,
    pub(crate) account: Account,
    pub(crate) dispatcher: Dispatcher,
    distributor: Distributor,
}

impl DeliveryHarness {
    pub(crate) async fn new() -> Self {
        Self::with_concurrency(1024).await
    }

    /// Opens a harness with this maximum number of attempts in flight.
    pub(crate) async fn with_concurrency(concurrency: usize) -> Self {
        let fixture = Fixture::open(async |clock| OpenedStore::new(Arc::new(MemoryStore::new(clock)))).await;
        let account = fixture.create(fixture.home, samples::account("integration")).await;
        let endpoints = Arc::new(FakeEndpoints::new(Arc::clone(&fixture.clock)));
        let observer = Arc::new(CountingObserver::default());
        let signer = Arc::new(HmacWebhookSigner::new(&MasterKey::generate(&*fixture.entropy)));
        let services = services(&fixture, &endpoints, &signer, &observer, concurrency);
        let distributor = distributor(&fixture);
        Self { endpoints, observer, signer, account, dispatcher: Dispatcher::new(services), distributor, fixture }
    }

    /// Creates the dispatcher of another server with the same store.
    pub(crate) fn another_dispatcher(&self) -> Dispatcher {
        Dispatcher::new(services(&self.fixture, &self.endpoints, &self.signer, &self.observer, 1024))
    }

    /// Replaces the dispatcher by that of another server, and returns the previous one.
    pub(crate) fn replace_dispatcher(&mut self) -> Dispatcher {
        let another = self.another_dispatcher();
        std::mem::replace(&mut self.dispatcher, another)
    }

    /// Creates the distributor of another server with the same store.
    pub(crate) fn another_distributor(&self) -> Distributor {
        distributor(&self.fixture)
    }

    pub(crate) fn clock(&self) -> &TestClock {
        &self.fixture.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.fixture.now()
    }

    /// Subscribes the account to all events.
    pub(crate) async fn subscribe(&self, url: &str) -> Stored<WebhookSubscription> {
        let taken_slots = self.subscriptions().await.iter().map(|stored| stored.record.slot).collect();
        self.subscribe_account(&self.account, &taken_slots, url).await
    }

    /// Subscribes an account, whose subscriptions have these slots, to all events.
    pub(crate) async fn subscribe_account(
        &self,
        account: &Account,
        taken_slots: &BTreeSet<u8>,
        url: &str,
    ) -> Stored<WebhookSubscription> {
        let fixture = &self.fixture;
        let timestamp = fixture.store.begin_write();
        let id = Id::new(fixture.entropy.ulid(timestamp.at()));
        let secret = self.signer.encrypt(&*fixture.entropy, id, &WebhookSecret::generate(&*fixture.entropy));
        let new = NewSubscription {
            url: EndpointUrl::parse(url, &AddressPolicy::default()).unwrap(),
            description: samples::description("for a test"),
            event_types: EventType::ALL.iter().copied().collect(),
        };
        let attribution = samples::attribution(&*fixture.entropy, timestamp.at());
        let reason = samples::reason();
        let context = WriteContext {
            organization: &samples::organization_ref(fixture.home),
            attribution: &attribution,
            reason: Some(&reason),
            entropy: &*fixture.entropy,
        };
        let (changeset, subscription) =
            webhooks::subscribe(&context, timestamp, account, taken_slots, id, secret, &new).unwrap();
        fixture.commit(changeset).await.unwrap();
        subscription
    }

    async fn subscriptions(&self) -> Vec<Stored<WebhookSubscription>> {
        self.fixture
            .list_all::<WebhookSubscription>(self.fixture.home, &Default::default(), PageRequest::default())
            .await
    }

    /// Returns the current subscription.
    pub(crate) async fn subscription(&self, id: Id<WebhookSubscription>) -> Stored<WebhookSubscription> {
        self.fixture.get(self.fixture.home, id).await.unwrap()
    }

    /// Enables or disables a subscription on behalf of the account.
    pub(crate) async fn set_active(&self, id: Id<WebhookSubscription>, active: bool) {
        let change = SubscriptionPatch { active: Some(active), ..SubscriptionPatch::default() };
        let current = self.subscription(id).await;
        self.commit_command(|context, timestamp| {
            webhooks::update(context, timestamp, &self.account, &current, &change).unwrap().0
        })
        .await;
    }

    /// Commits the changeset of a command.
    pub(crate) async fn commit_command(
        &self,
        decide: impl FnOnce(&WriteContext<'_>, kernel::WriteTimestamp) -> kernel::Changeset,
    ) {
        let fixture = &self.fixture;
        let timestamp = fixture.store.begin_write();
        let attribution = samples::attribution(&*fixture.entropy, timestamp.at());
        let reason = samples::reason();
        let context = WriteContext {
            organization: &samples::organization_ref(fixture.home),
            attribution: &attribution,
            reason: Some(&reason),
            entropy: &*fixture.entropy,
        };
        fixture.commit(decide(&context, timestamp)).await.unwrap();
    }

    /// Changes the account as an operator does.
    pub(crate) async fn update_account(&self, change: impl FnOnce(&ServiceAccount) -> ServiceAccount) {
        let current: Account = self.fixture.get(self.fixture.home, self.account.meta.id).await.unwrap();
        self.fixture.update(&current, change(&current.record)).await;
    }

    pub(crate) async fn disable_account(&self) {
        self.update_account(|account| account.with_status(AccountStatus::Disabled)).await;
    }

    pub(crate) async fn set_account_scopes(&self, scopes: ScopeSet) {
        self.update_account(|account| account.with_scopes(scopes).unwrap()).await;
    }

    /// Publishes an event about a record.
    pub(crate) async fn publish_event(&self, name: &'static str, subject: u128, revision: i64) -> Id<OutboxEvent> {
        let mut changeset = self.fixture.changeset(self.fixture.home);
        let id = Id::new(self.fixture.entropy.ulid(changeset.at()));
        changeset.publish(OutboxEvent {
            id,
            organization: self.fixture.home,
            name,
            subject: (Kind::Finding, Ulid::from_parts(1, subject)),
            revision: Revision(revision),
            created_at: changeset.at(),
            body: Bytes::from(format!("{{\"subject\":{subject},\"revision\":{revision}}}")),
        });
        self.fixture.commit(changeset).await.unwrap();
        id
    }

    /// Fans out and delivers until nothing is due at the current time.
    pub(crate) async fn run_until_idle(&mut self) {
        self.fan_out().await;
        self.dispatch().await;
    }

    pub(crate) async fn fan_out(&mut self) {
        while self.distributor.run_once().await.unwrap().events > 0 {}
    }

    pub(crate) async fn dispatch(&mut self) {
        loop {
            self.dispatcher.run_once().await.unwrap();
            let due = self.fixture.store.due_partitions(self.now() + Duration::from_millis(20), 1).await.unwrap();
            if due.is_empty() {
                return self.dispatcher.wait_until_idle().await;
            }
        }
    }

    /// Returns all deliveries, oldest first.
    pub(crate) async fn deliveries(&self) -> Vec<Stored<WebhookDelivery>> {
        let page = PageRequest::default();
        let mut all =
            self.fixture.list_all::<WebhookDelivery>(self.fixture.home, &DeliveryFilter::default(), page).await;
        all.sort_by_key(|delivery| (delivery.meta.created_at, delivery.record.subject_revision));
        all
    }

    /// Returns the only delivery.
    pub(crate) async fn delivery(&self) -> Stored<WebhookDelivery> {
        let [delivery] = <[_; 1]>::try_from(self.deliveries().await).unwrap();
        delivery
    }

    /// Advances the clock to the next attempt of the only delivery, and runs until idle. Returns the delay until then.
    pub(crate) async fn run_next_attempt(&mut self) -> Option<Duration> {
        let next = self.delivery().await.record.next_attempt_at?;
        let wait = next.since(self.now());
        self.clock().set(next - Duration::from_millis(100));
        let before = self.endpoints.calls().len();
        self.run_until_idle().await;
        assert_eq!(self.endpoints.calls().len(), before, "the attempt was made too early");
        self.clock().set(next);
        self.run_until_idle().await;
        Some(wait)
    }
}

fn services(
    fixture: &Fixture,
    endpoints: &Arc<FakeEndpoints>,
    signer: &Arc<HmacWebhookSigner>,
    observer: &Arc<CountingObserver>,
    concurrency: usize,
) -> DeliveryServices {
    DeliveryServices {
        store: Arc::clone(&fixture.store),
        sender: Arc::clone(endpoints) as _,
        signer: Arc::clone(signer) as _,
        clock: Arc::clone(&fixture.clock) as _,
        entropy: Arc::clone(&fixture.entropy) as _,
        observer: Arc::clone(observer) as _,
        concurrency,
    }
}

fn distributor(fixture: &Fixture) -> Distributor {
    Distributor::new(Arc::clone(&fixture.store), Arc::clone(&fixture.clock) as _, &*fixture.entropy)
}

/// Returns the audit entries with this action.
pub(crate) async fn entries(harness: &DeliveryHarness, action: &str) -> Vec<kernel::Entry> {
    let log = harness.fixture.audit_log(harness.fixture.home).await;
    log.into_iter().map(|recorded| recorded.entry).filter(|entry| entry.action.as_str() == action).collect()
}
