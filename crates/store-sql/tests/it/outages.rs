//! A store over PostgreSQL while the database is unreachable, slow, or being migrated.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use findings::{Finding, FindingFilter};
use kernel::{
    CommitError, Entropy as _, Id, Ledger as _, OrganizationId, Page, PageRequest, Reader, StoreError, Stored,
};
use novantra_store_sql::{Database, DatabaseOptions, Role, SqlStore};
use postgres_cluster::TestDatabase;
use store::Maintenance as _;
use store_contract::{TestClock, TestEntropy, samples};
use tokio::task::JoinSet;
use ulid::Ulid;

use crate::support::{open_store, postgres};

struct TestStore {
    store: SqlStore,
    entropy: TestEntropy,
    home: OrganizationId,
    fresh: TestDatabase,
}

impl TestStore {
    async fn new() -> Arc<Self> {
        Self::with(DatabaseOptions::default()).await
    }

    async fn with(options: DatabaseOptions) -> Arc<Self> {
        let fresh = postgres::create().await;
        let database = Database::open_with(&fresh.url().parse().unwrap(), &options).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let store = open_store(database, Role::Server, clock, Ulid::from_parts(0, 1)).await;
        let test = Self { store, entropy: TestEntropy::default(), home: Id::new(Ulid(1)), fresh };
        test.write("first").await.unwrap();
        Arc::new(test)
    }

    async fn write(&self, key: &str) -> Result<Id<Finding>, CommitError> {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin_write(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.create(&Stored::new(self.home, id, changeset.at(), samples::finding(key)));
        self.store.commit(changeset).await.map(|()| id)
    }

    async fn page(&self) -> Result<Page<Stored<Finding>>, StoreError> {
        Reader::<Finding>::list(&self.store, self.home, &FindingFilter::default(), &PageRequest::default()).await
    }

    async fn count_existing(&self, keys: &[String]) -> usize {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        Reader::<Finding>::get_by_keys(&self.store, self.home, &keys).await.unwrap().len()
    }

    /// Runs statements on a connection that bypasses the store.
    async fn run_directly(&self, statements: &str) {
        self.fresh.connect().await.batch_execute(statements).await.unwrap();
    }

    async fn cut_connections(&self) {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.run_directly(cut).await;
    }
}

fn is_unavailable<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Store(StoreError::Unavailable(_))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_connections_are_replaced_without_failing_a_call() {
    let test = TestStore::new().await;
    for round in 0..5 {
        test.cut_connections().await;
        test.page().await.unwrap();
        test.cut_connections().await;
        test.write(&format!("after-{round}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_are_stored_while_connections_are_terminated_constantly() {
    let test = TestStore::new().await;
    let mut writing = JoinSet::new();
    for writer in 0..8 {
        let test = Arc::clone(&test);
        writing.spawn(async move {
            let mut stored = Vec::new();
            for number in 0..50 {
                let key = format!("w-{writer}-{number}");
                match test.write(&key).await {
                    Ok(_) => stored.push(key),
                    // A COMMIT without a response: its outcome is unknown.
                    outcome => assert!(is_unavailable(&outcome), "{outcome:?}"),
                }
            }
            stored
        });
    }
    let mut stored = Vec::new();
    while let Some(joined) = writing.join_next().await {
        stored.extend(joined.unwrap());
        test.cut_connections().await;
    }
    assert!(stored.len() > 200, "{} of 400", stored.len());
    for keys in stored.chunks(400) {
        assert_eq!(test.count_existing(keys).await, keys.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_recovers_within_five_seconds_after_an_outage_of_its_database() {
    let test = TestStore::new().await;
    let (name, admin) = (test.fresh.name().to_owned(), test.fresh.connect_to_cluster().await);
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.unwrap();
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.batch_execute(&cut).await.unwrap();
    for number in 0..10 {
        assert!(matches!(test.page().await, Err(StoreError::Unavailable(_))));
        assert!(is_unavailable(&test.write(&format!("away-{number}")).await));
        assert!(matches!(test.store.check_ready().await, Err(StoreError::Unavailable(_))));
    }
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    let returned = Instant::now();
    while test.page().await.is_err() || test.write("back").await.is_err() {
        assert!(returned.elapsed() < Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_blocked_by_a_lock_fail_as_unavailable_and_do_not_pile_up() {
    let options =
        DatabaseOptions { connections: 5, statement_timeout: Duration::from_secs(1), ..DatabaseOptions::default() };
    let test = TestStore::with(options).await;
    let mut blocking = test.fresh.connect().await;
    let blocked = blocking.transaction().await.unwrap();
    blocked.batch_execute("LOCK TABLE findings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let began = Instant::now();
    let mut calling = JoinSet::new();
    for number in 0..300 {
        let test = Arc::clone(&test);
        calling.spawn(async move {
            match number % 2 {
                0 => matches!(test.page().await, Err(StoreError::Unavailable(_))),
                _ => is_unavailable(&test.write(&format!("blocked-{number}")).await),
            }
        });
    }
    assert!(calling.join_all().await.into_iter().all(|unavailable| unavailable));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    blocked.rollback().await.unwrap();
    test.page().await.unwrap();
    test.write("free").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_change_does_not_disturb_a_running_server() {
    let test = TestStore::new().await;
    test.page().await.unwrap();
    // Plans that were made before now return other columns, which PostgreSQL refuses.
    test.run_directly("ALTER TABLE findings ALTER COLUMN title TYPE varchar(500)").await;
    test.page().await.unwrap();
    test.write("one").await.unwrap();
    test.run_directly("ALTER TABLE findings ADD COLUMN mood text; CREATE TABLE moods (id text PRIMARY KEY)").await;
    test.page().await.unwrap();
    test.write("two").await.unwrap();
    let id = test.write("three").await.unwrap();
    test.run_directly("ALTER TABLE findings ALTER COLUMN title TYPE text").await;
    assert!(Reader::<Finding>::get(&test.store, test.home, id).await.unwrap().is_some());
}
