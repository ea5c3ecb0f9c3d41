//! Audit entries whose trip to the database is made again, because the connection was lost when it was committed.

use std::sync::Arc;

use audit::{AuditFilter, AuditLog as _};
use kernel::{AuditTrail as _, Clock as _, Entry, Id, OrganizationId, PageRequest, RepeatedCalls, Timestamp};
use novantra_store_sql::{Database, Role, SqlStore};
use postgres_cluster::{CommitLoss, StatementProxy, TestDatabase};
use store::Maintenance as _;
use store_contract::{TestClock, TestEntropy, samples};
use ulid::Ulid;

use crate::support::{open_store, postgres};

const HOME: OrganizationId = Id::new(Ulid(1));

/// A store behind a proxy.
struct Trips {
    store: SqlStore,
    clock: Arc<TestClock>,
    entropy: TestEntropy,
    proxy: StatementProxy,
    fresh: TestDatabase,
}

impl Trips {
    async fn new() -> Self {
        let fresh = postgres::create().await;
        let proxy = StatementProxy::start(&fresh.url()).await;
        let clock = Arc::new(TestClock::default());
        let database = Database::open(&proxy.url().parse().unwrap()).await.unwrap();
        let store = open_store(database, Role::Server, Arc::clone(&clock) as _, Ulid::from_parts(0, 1)).await;
        Self { store, clock, entropy: TestEntropy::default(), proxy, fresh }
    }

    async fn append(&self) -> Entry {
        let timestamp = self.store.begin_entry();
        let entry = samples::entry(&self.entropy, HOME, timestamp.at());
        self.store.append(entry.clone(), timestamp).await.unwrap();
        entry
    }

    /// The numbers of entries of the waiting rows, in the order of the entries.
    async fn rows(&self) -> Vec<i64> {
        let client = self.fresh.connect().await;
        let rows = client.query("SELECT entries FROM audit_waiting ORDER BY organization_id, id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    async fn listed(&self) -> Vec<Id<Entry>> {
        let page = self.store.entries(HOME, &AuditFilter::default(), &PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|stored| stored.entry.id).rev().collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_whose_commit_got_lost_is_stored_once_and_marked_only_if_it_was_not() {
    let trips = Trips::new().await;
    let mut appended = Vec::new();
    for loss in [CommitLoss::Answer, CommitLoss::Request] {
        trips.proxy.lose_commit_of("INSERT INTO audit_waiting", loss);
        appended.push(trips.append().await.id);
        trips.clock.tick();
        appended.push(trips.append().await.id);
        trips.clock.tick();
    }
    assert_eq!(trips.rows().await, [1, 1, -1, 1]);
    assert_eq!(trips.listed().await, appended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_count_may_be_stored_is_not_counted_again() {
    let trips = Trips::new().await;
    let repeated = RepeatedCalls { organization: HOME, first: Id::new(Ulid(4)), due_at: trips.clock.now(), calls: 1 };
    trips.proxy.lose_commit_of("INSERT INTO audit_repeats", CommitLoss::Answer);
    let timestamp = trips.store.begin_entry();
    let entry = samples::entry(&trips.entropy, HOME, timestamp.at());
    let (appended, counted) = tokio::join!(trips.store.append(entry, timestamp), trips.store.count_repeated(repeated));
    assert!(appended.is_ok(), "{appended:?}");
    assert!(counted.is_err());
    let counts = trips.store.repeated_calls(trips.clock.now(), Timestamp::MAX, 10).await.unwrap();
    assert_eq!(counts, [repeated]);
    assert_eq!(trips.rows().await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_closed_ends_the_numbers_of_its_rows() {
    let trips = Trips::new().await;
    trips.append().await;
    trips.store.close().await;
    let client = trips.fresh.connect().await;
    let rows = client.query("SELECT entries, length(body) FROM audit_waiting ORDER BY entries", &[]).await.unwrap();
    let rows: Vec<(i64, bool)> = rows.iter().map(|row| (row.get(0), row.get::<_, i32>(1) > 0)).collect();
    assert_eq!(rows, [(0, true), (1, true)]);
}
