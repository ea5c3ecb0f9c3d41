//! The statements that are sent to PostgreSQL: few, and all of a transaction before its first response.

use std::{sync::Arc, time::Duration};

use auth::{Accounts as _, ServiceAccount};
use findings::{Finding, FindingFilter};
use futures_util::future::{join, join_all};
use kernel::{
    ActorRevision, AuditTrail as _, Changeset, CommitError, Entropy as _, Id, Kind, Ledger as _, Organization,
    OrganizationId, PageRequest, Reader, RepeatedCalls, Revision, Stored,
};
use novantra_store_sql::{Database, DatabaseOptions, Role, SqlStore};
use postgres_cluster::{StatementProxy, TestDatabase};
use store_contract::{TestClock, TestEntropy, samples};
use tokio::{task::JoinSet, time::timeout};
use ulid::Ulid;

use crate::support::{open_store, postgres};

/// The statements of a write: idempotency record, registration of the process, record, audit entry and event.
const STATEMENTS_PER_WRITE: usize = 5;

struct ObservedStore {
    store: SqlStore,
    clock: Arc<TestClock>,
    proxy: StatementProxy,
    entropy: TestEntropy,
    home: OrganizationId,
    account: auth::AccountId,
    finding: Id<Finding>,
    fresh: TestDatabase,
}

impl ObservedStore {
    /// Opens a store with an organization, an account and a finding, whose statements are all prepared.
    async fn new() -> Arc<Self> {
        let fresh = postgres::create().await;
        let proxy = StatementProxy::start(&fresh.url()).await;
        // One connection for each purpose, so that each statement is prepared once.
        let options = DatabaseOptions { connections: 5, ..DatabaseOptions::default() };
        let database = Database::open_with(&proxy.url().parse().unwrap(), &options).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let store = open_store(database, Role::Server, Arc::clone(&clock) as _, Ulid::from_parts(0, 1)).await;
        let (entropy, home) = (TestEntropy::default(), Id::new(Ulid(1)));
        let (account, finding) = (Id::new(Ulid(2)), Id::new(Ulid(3)));
        let mut observed = Self { store, clock, proxy, entropy, home, account, finding, fresh };
        let mut changeset = samples::changeset(&observed.entropy, observed.store.begin_write(), home);
        let organization: Id<Organization> = home;
        changeset.create(&Stored::new(home, organization, changeset.at(), samples::organization("home")));
        changeset.create(&Stored::new(home, observed.account, changeset.at(), samples::account("scanner")));
        observed.store.commit(changeset).await.unwrap();
        observed.finding = observed.write("f-0").await;
        observed.write("f-1").await;
        for _ in 0..2 {
            observed.use_all().await;
        }
        Arc::new(observed)
    }

    async fn use_all(&self) {
        self.account_revision().await;
        self.get().await;
        self.page().await;
        self.append().await;
    }

    async fn account_revision(&self) {
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
        let timestamp = self.store.begin_entry();
        self.store.append(samples::entry(&self.entropy, self.home, timestamp.at()), timestamp).await.unwrap();
    }

    async fn write(&self, key: &str) -> Id<Finding> {
        let (changeset, id) = self.changeset(key);
        self.store.commit(changeset).await.unwrap();
        id
    }

    /// Creates a changeset with a finding, an event and an idempotency record.
    fn changeset(&self, key: &str) -> (Changeset, Id<Finding>) {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin_write(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        let stored = Stored::new(self.home, id, changeset.at(), samples::finding(key));
        changeset.create(&stored);
        changeset.publish(samples::outbox_event(&self.entropy, &stored));
        changeset.set_idempotency(samples::idempotency_record(self.home, key, changeset.at()));
        (changeset, id)
    }

    /// Commits all of these concurrently while the database is busy with another write.
    async fn commit_all(&self, changesets: Vec<Changeset>) -> Vec<Result<(), CommitError>> {
        self.reset_counts();
        self.proxy.hold_responses(1_000);
        let busy = async {
            self.write(&format!("busy-{}", self.entropy.ulid(self.store.begin_write().at()))).await;
        };
        let commits = async {
            self.proxy.wait_for_executed(STATEMENTS_PER_WRITE).await;
            // Joined futures are first polled in this order.
            let pending = join_all(changesets.into_iter().map(|changeset| self.store.commit(changeset)));
            let (outcomes, ()) = join(pending, async { self.proxy.release_responses() }).await;
            outcomes
        };
        join(busy, commits).await.1
    }

    async fn stored(&self, keys: &[String]) -> usize {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        Reader::<Finding>::get_by_keys(&self.store, self.home, &keys).await.unwrap().len()
    }

    /// Resets the counts.
    fn reset_counts(&self) {
        self.proxy.take_executed();
        self.proxy.take_simple_queries();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_one_statement_and_so_is_a_page_while_no_other_process_holds_its_watermark_back() {
    let observed = ObservedStore::new().await;
    // The process renews its registration every second: at least one of several tries is undisturbed.
    let mut counts = Vec::new();
    for _ in 0..5 {
        observed.reset_counts();
        observed.account_revision().await;
        let revision = observed.proxy.take_executed();
        observed.get().await;
        let get = observed.proxy.take_executed();
        observed.page().await;
        let page = observed.proxy.take_executed();
        observed.append().await;
        counts.push([revision, get, page, observed.proxy.take_executed()]);
    }
    assert!(counts.contains(&[1, 1, 1, 2]), "revision, get, page, entry: {counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_sends_the_query_of_the_other_processes_ahead_of_its_rows_in_one_pipeline() {
    let observed = ObservedStore::new().await;
    let register = "INSERT INTO open_writes (process_id, floor, expires_at) VALUES \
                    ('01HZX3V6T9C6Q4W8N2D5K7M1RB', 1, (extract(epoch FROM now()) * 1000)::bigint + 50000)";
    observed.fresh.connect().await.batch_execute(register).await.unwrap();
    // The state that was read before the other process registered allows no watermark as late as this.
    observed.clock.advance(Duration::from_secs(60));
    observed.page().await;
    let mut pages = Vec::new();
    for _ in 0..5 {
        observed.proxy.take_prepared();
        observed.proxy.hold_responses(2);
        timeout(Duration::from_secs(20), observed.page()).await.expect("both are sent before the first response");
        pages.push(observed.proxy.take_prepared());
    }
    // The process renews its registration every second: at least one of several tries is undisturbed.
    let is_in_order = |page: &Vec<String>| match &page[..] {
        [others, rows] => others.contains("FROM open_writes") && rows.contains("FROM findings"),
        _ => false,
    };
    assert!(pages.iter().any(is_in_order), "{pages:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_statements_of_a_transaction_are_sent_before_the_first_response_arrives() {
    let observed = ObservedStore::new().await;
    observed.proxy.hold_responses(STATEMENTS_PER_WRITE);
    timeout(Duration::from_secs(20), observed.write("f-2")).await.expect("the statements are sent in one pipeline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_writes_share_a_transaction() {
    let observed = ObservedStore::new().await;
    observed.reset_counts();
    let mut writing = JoinSet::new();
    for number in 0..64 {
        let observed = Arc::clone(&observed);
        writing.spawn(async move { observed.write(&format!("g-{number}")).await });
    }
    writing.join_all().await;
    let commits = observed.proxy.take_simple_queries().iter().filter(|text| *text == "COMMIT").count();
    assert!((1..32).contains(&commits), "{commits} commits for 64 writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_repeated_calls_is_counted_in_few_transactions() {
    let observed = ObservedStore::new().await;
    let due_at = kernel::Timestamp::from_millis(0);
    let repeated = RepeatedCalls { organization: observed.home, first: Id::new(Ulid(4)), due_at, calls: 1 };
    observed.reset_counts();
    let mut counting = JoinSet::new();
    for _ in 0..1000 {
        let observed = Arc::clone(&observed);
        counting.spawn(async move { observed.store.count_repeated(repeated).await.unwrap() });
    }
    counting.join_all().await;
    let commits = observed.proxy.take_simple_queries().iter().filter(|text| *text == "COMMIT").count();
    assert!((1..200).contains(&commits), "{commits} commits for 1000 calls");
    let counts = observed.store.repeated_calls(due_at, kernel::Timestamp::MAX, 10).await.unwrap();
    assert_eq!(counts, [RepeatedCalls { calls: 1000, ..repeated }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_does_not_fail_others_in_the_same_transaction() {
    let observed = ObservedStore::new().await;
    let mut writing = JoinSet::new();
    for number in 0..64 {
        let observed = Arc::clone(&observed);
        writing.spawn(async move {
            let mut changeset = samples::changeset(&observed.entropy, observed.store.begin_write(), observed.home);
            let id: Id<Finding> = Id::new(observed.entropy.ulid(changeset.at()));
            // Every fourth finding has a key that is taken.
            let key = if number % 4 == 0 { "f-0".to_owned() } else { format!("h-{number}") };
            changeset.create(&Stored::new(observed.home, id, changeset.at(), samples::finding(&key)));
            observed.store.commit(changeset).await.is_ok() == (number % 4 != 0)
        });
    }
    assert!(writing.join_all().await.into_iter().all(|as_expected| as_expected));
    let keys: Vec<String> = (0..64).map(|number| format!("h-{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(Reader::<Finding>::get_by_keys(&observed.store, observed.home, &keys).await.unwrap().len(), 48);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_writes_share_statements() {
    let observed = ObservedStore::new().await;
    let keys: Vec<String> = (0..32).map(|number| format!("s-{number}")).collect();
    let outcomes = observed.commit_all(keys.iter().map(|key| observed.changeset(key).0).collect()).await;
    let executed = observed.proxy.take_executed();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    // The process renews its registration every second.
    assert!(
        (2 * STATEMENTS_PER_WRITE..3 * STATEMENTS_PER_WRITE).contains(&executed),
        "{executed} statements for 33 writes"
    );
    assert_eq!(observed.stored(&keys).await, 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_writes_do_not_fail_others_in_the_same_statements() {
    let observed = ObservedStore::new().await;
    let keys: Vec<String> = (0..16).map(|number| format!("t-{number}")).collect();
    let mut changesets: Vec<Changeset> = keys.iter().map(|key| observed.changeset(key).0).collect();
    // A finding's key that is taken, an idempotency key that is used, and one that is used twice concurrently.
    let mut taken = samples::changeset(&observed.entropy, observed.store.begin_write(), observed.home);
    let id: Id<Finding> = Id::new(observed.entropy.ulid(taken.at()));
    taken.create(&Stored::new(observed.home, id, taken.at(), samples::finding("f-0")));
    changesets.extend([taken, observed.changeset("f-1").0, observed.changeset("t-0").0]);
    let outcomes = observed.commit_all(changesets).await;
    assert!(outcomes[1..16].iter().all(Result::is_ok), "{outcomes:?}");
    assert!(matches!(outcomes[16], Err(CommitError::Conflict(_))), "{:?}", outcomes[16]);
    assert!(matches!(outcomes[17], Err(CommitError::Duplicate(_))), "{:?}", outcomes[17]);
    let twice = [&outcomes[0], &outcomes[18]];
    assert_eq!(twice.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{twice:?}");
    assert!(twice.iter().any(|outcome| matches!(outcome, Err(CommitError::Duplicate(_)))), "{twice:?}");
    assert_eq!(observed.stored(&keys).await, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_two_accounts_that_disable_each_other_concurrently_succeeds() {
    let observed = ObservedStore::new().await;
    let other: Id<ServiceAccount> = Id::new(Ulid(4));
    let mut changeset = samples::changeset(&observed.entropy, observed.store.begin_write(), observed.home);
    let first = Stored::new(observed.home, observed.account, changeset.at(), samples::account("scanner"));
    let second = Stored::new(observed.home, other, changeset.at(), samples::account("other"));
    changeset.create(&second);
    observed.store.commit(changeset).await.unwrap();
    let change = |by: Id<ServiceAccount>, of: &Stored<ServiceAccount>| {
        let proof = ActorRevision { kind: Kind::ServiceAccount, id: by.ulid(), revision: Revision::FIRST };
        let timestamp = observed.store.begin_write().after([of]);
        let mut changeset = samples::changeset_for_account(&observed.entropy, timestamp, observed.home, proof);
        let after = of.record.with_status(auth::AccountStatus::Disabled);
        changeset.update(of, &of.changed(changeset.at(), after));
        changeset
    };
    let outcomes = observed.commit_all(vec![change(other, &first), change(observed.account, &second)]).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(CommitError::ActorChanged))), "{outcomes:?}");
}
