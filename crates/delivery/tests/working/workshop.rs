//! A store in memory, with an account, and everything that delivers.

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
use crypto::{MasterKey, WebhookSecrets};
use kernel::{Entropy, Id, Kind, OutboxEvent, PageRequest, Revision, Stored, Timestamp};
use novantra_delivery::{Dispatcher, Distributor, Means, Observer};
use scopes::ScopeSet;
use store_contract::{Fixture, Opened, TestClock, samples};
use store_memory::MemoryStore;
use ulid::Ulid;
use webhooks::{
    AddressPolicy, DeliveryFilter, Desk, DisabledReason, EndpointUrl, EventType, NewSubscription, Outcome, Secrets,
    SubscriptionChange, WebhookDelivery, WebhookSecret, WebhookSubscription,
};

use crate::script::Script;

pub(crate) const HOOK: &str = "https://hook.example/";

/// Counts what it is told.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) exhausted: AtomicUsize,
    pub(crate) disabled: Mutex<Vec<DisabledReason>>,
}

impl Observer for Counts {
    fn began(&self) {}

    fn ended(&self, _: &Outcome) {}

    fn exhausted(&self) {
        self.exhausted.fetch_add(1, Ordering::SeqCst);
    }

    fn disabled(&self, reason: DisabledReason) {
        self.disabled.lock().unwrap().push(reason);
    }
}

/// Everything that delivers.
pub(crate) struct Workshop {
    pub(crate) fixture: Fixture,
    pub(crate) script: Arc<Script>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) secrets: Arc<WebhookSecrets>,
    pub(crate) account: Account,
    pub(crate) dispatcher: Dispatcher,
    distributor: Distributor,
}

impl Workshop {
    pub(crate) async fn open() -> Self {
        Self::with_room(1024).await
    }

    /// With room for so many attempts at once.
    pub(crate) async fn with_room(concurrency: usize) -> Self {
        let fixture = Fixture::open(async |clock| Opened::new(Arc::new(MemoryStore::new(clock)))).await;
        let account = fixture.create(fixture.home, samples::account("integration")).await;
        let script = Arc::new(Script::new(Arc::clone(&fixture.clock)));
        let counts = Arc::new(Counts::default());
        let secrets = Arc::new(WebhookSecrets::new(&MasterKey::generate(&*fixture.entropy)));
        let means = means(&fixture, &script, &secrets, &counts, concurrency);
        let distributor = distributor(&fixture);
        Self { script, counts, secrets, account, dispatcher: Dispatcher::new(means), distributor, fixture }
    }

    /// Another server's, over the same store.
    pub(crate) fn another_dispatcher(&self) -> Dispatcher {
        Dispatcher::new(means(&self.fixture, &self.script, &self.secrets, &self.counts, 1024))
    }

    /// From now on another server delivers here. Gives the one that did.
    pub(crate) fn replace_dispatcher(&mut self) -> Dispatcher {
        let another = self.another_dispatcher();
        std::mem::replace(&mut self.dispatcher, another)
    }

    /// Another server's, over the same store.
    pub(crate) fn another_distributor(&self) -> Distributor {
        distributor(&self.fixture)
    }

    pub(crate) fn clock(&self) -> &TestClock {
        &self.fixture.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.fixture.now()
    }

    /// The account subscribes to everything there is.
    pub(crate) async fn subscribe(&self, url: &str) -> Stored<WebhookSubscription> {
        let fixture = &self.fixture;
        let taken: BTreeSet<u8> = self.subscriptions().await.iter().map(|one| one.record.place).collect();
        let stamp = fixture.store.begin();
        let id = Id::new(fixture.entropy.ulid(stamp.at()));
        let secret = self.secrets.seal(&*fixture.entropy, id, &WebhookSecret::generate(&*fixture.entropy));
        let new = NewSubscription {
            url: EndpointUrl::parse(url, &AddressPolicy::default()).unwrap(),
            description: samples::description("a test's own"),
            event_types: EventType::ALL.iter().copied().collect(),
        };
        let attribution = samples::attribution(&*fixture.entropy, fixture.home, stamp.at());
        let reason = samples::reason();
        let desk = Desk { entropy: &*fixture.entropy, attribution: &attribution, reason: Some(&reason) };
        let (changeset, subscription) =
            webhooks::subscribe(&desk, stamp, &self.account, &taken, id, secret, &new).unwrap();
        fixture.commit(changeset).await.unwrap();
        subscription
    }

    async fn subscriptions(&self) -> Vec<Stored<WebhookSubscription>> {
        self.fixture.walk::<WebhookSubscription>(self.fixture.home, &Default::default(), PageRequest::default()).await
    }

    /// The subscription as it is now.
    pub(crate) async fn subscription(&self, id: Id<WebhookSubscription>) -> Stored<WebhookSubscription> {
        self.fixture.get(self.fixture.home, id).await.unwrap()
    }

    /// The account makes a subscription active, or not.
    pub(crate) async fn set_active(&self, id: Id<WebhookSubscription>, active: bool) {
        let change = SubscriptionChange { active: Some(active), ..SubscriptionChange::default() };
        let present = self.subscription(id).await;
        self.with_desk(|desk, stamp| webhooks::revise(desk, stamp, &self.account, &present, &change).unwrap().0).await;
    }

    /// Commits what is decided at a desk.
    pub(crate) async fn with_desk(&self, decide: impl FnOnce(&Desk<'_>, kernel::Stamp) -> kernel::Changeset) {
        let fixture = &self.fixture;
        let stamp = fixture.store.begin();
        let attribution = samples::attribution(&*fixture.entropy, fixture.home, stamp.at());
        let reason = samples::reason();
        let desk = Desk { entropy: &*fixture.entropy, attribution: &attribution, reason: Some(&reason) };
        fixture.commit(decide(&desk, stamp)).await.unwrap();
    }

    /// The account is changed by an operator.
    pub(crate) async fn account_becomes(&self, change: impl FnOnce(&ServiceAccount) -> ServiceAccount) {
        let present: Account = self.fixture.get(self.fixture.home, self.account.meta.id).await.unwrap();
        self.fixture.revise(&present, change(&present.record)).await;
    }

    pub(crate) async fn disable_account(&self) {
        self.account_becomes(|account| account.with_status(AccountStatus::Disabled)).await;
    }

    pub(crate) async fn narrow_account(&self, scopes: ScopeSet) {
        self.account_becomes(|account| account.with_scopes(scopes).unwrap()).await;
    }

    /// Something happens to a record.
    pub(crate) async fn happens(&self, name: &'static str, subject: u128, revision: i64) -> Id<OutboxEvent> {
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

    /// Does all that can be done at this moment.
    pub(crate) async fn work(&mut self) {
        self.distribute().await;
        self.dispatch().await;
    }

    pub(crate) async fn distribute(&mut self) {
        while self.distributor.round().await.unwrap().events > 0 {}
    }

    pub(crate) async fn dispatch(&mut self) {
        loop {
            self.dispatcher.round().await.unwrap();
            let due = self.fixture.store.lanes_due(self.now() + Duration::from_millis(20), 1).await.unwrap();
            if due.is_empty() {
                return self.dispatcher.idle().await;
            }
        }
    }

    /// All deliveries, oldest first.
    pub(crate) async fn deliveries(&self) -> Vec<Stored<WebhookDelivery>> {
        let page = PageRequest::default();
        let mut all = self.fixture.walk::<WebhookDelivery>(self.fixture.home, &DeliveryFilter::default(), page).await;
        all.sort_by_key(|delivery| (delivery.meta.created_at, delivery.record.subject_revision));
        all
    }

    /// The one delivery there is.
    pub(crate) async fn delivery(&self) -> Stored<WebhookDelivery> {
        let [delivery] = <[_; 1]>::try_from(self.deliveries().await).unwrap();
        delivery
    }

    /// Moves the clock to where the one delivery is tried next, and does what is due then. Says how long that was.
    pub(crate) async fn next_attempt(&mut self) -> Option<Duration> {
        let next = self.delivery().await.record.next_attempt_at?;
        let wait = next.since(self.now());
        self.clock().set(next - Duration::from_millis(100));
        let before = self.script.calls().len();
        self.work().await;
        assert_eq!(self.script.calls().len(), before, "it was tried too early");
        self.clock().set(next);
        self.work().await;
        Some(wait)
    }
}

fn means(
    fixture: &Fixture,
    script: &Arc<Script>,
    secrets: &Arc<WebhookSecrets>,
    counts: &Arc<Counts>,
    concurrency: usize,
) -> Means {
    Means {
        store: Arc::clone(&fixture.store),
        sender: Arc::clone(script) as _,
        secrets: Arc::clone(secrets) as _,
        clock: Arc::clone(&fixture.clock) as _,
        entropy: Arc::clone(&fixture.entropy) as _,
        observer: Arc::clone(counts) as _,
        concurrency,
    }
}

fn distributor(fixture: &Fixture) -> Distributor {
    Distributor::new(Arc::clone(&fixture.store), Arc::clone(&fixture.clock) as _, &*fixture.entropy)
}

/// The audit entries with this action.
pub(crate) async fn entries(workshop: &Workshop, action: &str) -> Vec<kernel::Entry> {
    let log = workshop.fixture.log(workshop.fixture.home).await;
    log.into_iter().map(|recorded| recorded.entry).filter(|entry| entry.action.as_str() == action).collect()
}
