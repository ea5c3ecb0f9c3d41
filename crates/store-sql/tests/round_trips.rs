//! What goes over the wire to PostgreSQL: few statements, and all of a transaction before its first answer.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{sync::Arc, time::Duration};

use auth::Accounts as _;
use findings::{Finding, FindingFilter};
use kernel::{
    AuditTrail as _, Entropy as _, Id, Ledger as _, Organization, OrganizationId, PageRequest, Reader, Stored,
};
use novantra_store_sql::{Database, DatabaseOptions, Role, SqlStore};
use store_contract::{TestClock, TestEntropy, samples};
use tokio::{task::JoinSet, time::timeout};
use ulid::Ulid;

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/proxy.rs"]
mod proxy;

use proxy::Proxy;

struct Wired {
    store: SqlStore,
    proxy: Proxy,
    entropy: TestEntropy,
    home: OrganizationId,
    account: auth::AccountId,
    finding: Id<Finding>,
    _fresh: postgres::Fresh,
}

impl Wired {
    /// A store with an organization, an account and a finding, whose statements are all prepared.
    async fn new() -> Arc<Self> {
        let fresh = postgres::Fresh::make().await;
        fresh.open().await.close().await;
        let proxy = Proxy::before(&fresh.address()).await;
        // One connection of each sort, so that each statement is prepared once.
        let options = DatabaseOptions { connections: 5, ..DatabaseOptions::default() };
        let database = Database::open_with(&proxy.address().parse().unwrap(), &options).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let store = SqlStore::over(database, Role::Server, clock, Ulid::from_parts(0, 1)).await.unwrap();
        let (entropy, home) = (TestEntropy::default(), Id::new(Ulid(1)));
        let mut wired =
            Self { store, proxy, entropy, home, account: Id::new(Ulid(2)), finding: Id::new(Ulid(3)), _fresh: fresh };
        let mut changeset = samples::changeset(&wired.entropy, wired.store.begin(), home);
        let organization: Id<Organization> = home;
        changeset.create(&Stored::new(home, organization, changeset.at(), samples::organization("home")));
        changeset.create(&Stored::new(home, wired.account, changeset.at(), samples::account("scanner")));
        wired.store.commit(changeset).await.unwrap();
        wired.finding = wired.write("f-0").await;
        wired.write("f-1").await;
        for _ in 0..2 {
            wired.use_all().await;
        }
        Arc::new(wired)
    }

    async fn use_all(&self) {
        self.standing().await;
        self.get().await;
        self.page().await;
        self.append().await;
    }

    async fn standing(&self) {
        self.store.revision(self.home, self.account).await.unwrap().unwrap();
    }

    async fn get(&self) {
        Reader::<Finding>::get(&self.store, self.home, self.finding).await.unwrap().unwrap();
    }

    async fn page(&self) {
        let (filter, page) = (FindingFilter::default(), PageRequest::default());
        assert!(!Reader::<Finding>::list(&self.store, self.home, &filter, &page).await.unwrap().items.is_empty());
    }

    async fn append(&self) {
        let stamp = self.store.begin_entry();
        self.store.append(samples::entry(&self.entropy, self.home, stamp.at()), stamp).await.unwrap();
    }

    async fn write(&self, key: &str) -> Id<Finding> {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        let stored = Stored::new(self.home, id, changeset.at(), samples::finding(key));
        changeset.create(&stored);
        changeset.publish(samples::outbox_event(&self.entropy, &stored));
        changeset.claim(samples::claim(self.home, key, changeset.at()));
        self.store.commit(changeset).await.unwrap();
        id
    }

    /// Forgets what was counted, once the process has nothing under way by itself.
    fn count_anew(&self) {
        self.proxy.executed();
        self.proxy.texts();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_one_statement_and_so_is_a_page_with_its_horizon() {
    let wired = Wired::new().await;
    // The process renews its row every second: of several tries one goes by undisturbed.
    let mut counted = Vec::new();
    for _ in 0..5 {
        wired.count_anew();
        wired.standing().await;
        let standing = wired.proxy.executed();
        wired.get().await;
        let get = wired.proxy.executed();
        wired.page().await;
        let page = wired.proxy.executed();
        wired.append().await;
        counted.push([standing, get, page, wired.proxy.executed()]);
    }
    assert!(counted.contains(&[1, 1, 1, 2]), "standing, get, page, entry: {counted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_statements_of_a_transaction_are_on_their_way_before_the_first_is_answered() {
    let wired = Wired::new().await;
    // Idempotency record, the process's row, record, entry and event.
    wired.proxy.hold_answers(5);
    timeout(Duration::from_secs(20), wired.write("f-2")).await.expect("the statements did not wait for each other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_share_a_transaction() {
    let wired = Wired::new().await;
    wired.count_anew();
    let mut writing = JoinSet::new();
    for number in 0..64 {
        let wired = Arc::clone(&wired);
        writing.spawn(async move { wired.write(&format!("g-{number}")).await });
    }
    writing.join_all().await;
    let commits = wired.proxy.texts().iter().filter(|text| *text == "COMMIT").count();
    assert!((1..32).contains(&commits), "{commits} commits for 64 writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_takes_nothing_with_it_that_shared_its_transaction() {
    let wired = Wired::new().await;
    let mut writing = JoinSet::new();
    for number in 0..64 {
        let wired = Arc::clone(&wired);
        writing.spawn(async move {
            let mut changeset = samples::changeset(&wired.entropy, wired.store.begin(), wired.home);
            let id: Id<Finding> = Id::new(wired.entropy.ulid(changeset.at()));
            // Every fourth asks for a key that is taken.
            let key = if number % 4 == 0 { "f-0".to_owned() } else { format!("h-{number}") };
            changeset.create(&Stored::new(wired.home, id, changeset.at(), samples::finding(&key)));
            wired.store.commit(changeset).await.is_ok() == (number % 4 != 0)
        });
    }
    assert!(writing.join_all().await.into_iter().all(|as_expected| as_expected));
    let keys: Vec<String> = (0..64).map(|number| format!("h-{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(Reader::<Finding>::with_keys(&wired.store, wired.home, &keys).await.unwrap().len(), 48);
}
