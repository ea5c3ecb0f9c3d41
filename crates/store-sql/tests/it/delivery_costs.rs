//! The rows and statements of deliveries on PostgreSQL.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ::store::{Lease, Maintenance as _};
use futures_util::future::join_all;
use kernel::{Entropy as _, Id, Ledger as _, Organization, OrganizationId, Stored, Timestamp, WriteTimestamp};
use novantra_store_sql::{Database, DatabaseOptions, Role, SqlStore};
use postgres_cluster::{StatementProxy, TestDatabase};
use store_contract::{TestClock, TestEntropy, samples};
use ulid::Ulid;
use webhooks::{
    DeliveryHealth, DeliveryUpdate, EventFanOut as _, FanOut, FanOutPhase, Partition, PartitionQueue as _,
    WebhookSubscription,
};

use crate::support::{open_store, postgres};

const HOME: OrganizationId = Id::new(Ulid(1));
const OWNER: &str = "one";
const LEASE_DURATION: Duration = Duration::from_secs(20);
const SUBSCRIPTIONS: usize = 20;
const EVENTS: usize = 10;
const DELIVERIES: usize = SUBSCRIPTIONS * EVENTS;

/// The numbers of inserted, updated and deleted rows.
type RowChanges = [i64; 3];

/// Returns the changes of the tables that deliveries change, since the database exists.
async fn row_changes(fresh: &TestDatabase) -> BTreeMap<String, RowChanges> {
    let query = "SELECT relname::text, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables \
                 WHERE relname IN ('outbox', 'pending_events', 'webhook_queue', 'webhook_deliveries')";
    let rows = fresh.connect().await.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), [1, 2, 3].map(|index| row.get(index)))).collect()
}

struct DeliveringStore {
    store: SqlStore,
    proxy: StatementProxy,
    fresh: TestDatabase,
    entropy: TestEntropy,
    clock: Arc<TestClock>,
    partitions: Vec<Partition>,
}

impl DeliveringStore {
    async fn new() -> Self {
        let fresh = postgres::create().await;
        let proxy = StatementProxy::start(&fresh.url()).await;
        let options = DatabaseOptions { connections: 5, ..DatabaseOptions::default() };
        let database = Database::open_with(&proxy.url().parse().unwrap(), &options).await.unwrap();
        let clock = Arc::new(TestClock::default());
        let store = open_store(database, Role::Server, Arc::clone(&clock) as _, Ulid::from_parts(0, 1)).await;
        let entropy = TestEntropy::default();
        let mut changeset = samples::changeset(&entropy, store.begin_write(), HOME);
        let at = changeset.at();
        let organization: Id<Organization> = HOME;
        changeset.create(&Stored::new(HOME, organization, at, samples::organization("home")));
        let account = Id::new(entropy.ulid(at));
        changeset.create(&Stored::new(HOME, account, at, samples::account("scanner")));
        let mut partitions = Vec::new();
        for slot in 0..SUBSCRIPTIONS {
            let id: Id<WebhookSubscription> = Id::new(entropy.ulid(at));
            let record = samples::subscription(account, u8::try_from(slot).unwrap());
            changeset.create(&Stored::new(HOME, id, at, record));
            partitions.push(Partition { organization: HOME, subscription: id });
        }
        store.commit(changeset).await.unwrap();
        clock.tick();
        assert!(store.acquire_lease(Lease::Distributor, OWNER, now(&store), LEASE_DURATION).await.unwrap());
        Self { store, proxy, fresh, entropy, clock, partitions }
    }

    async fn publish(&self) {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin_write(), HOME);
        for _ in 0..EVENTS {
            let id = Id::new(self.entropy.ulid(changeset.at()));
            let finding = Stored::new(HOME, id, changeset.at(), samples::finding(&id.ulid().to_string()));
            changeset.create(&finding);
            changeset.publish(samples::outbox_event(&self.entropy, &finding));
        }
        self.store.commit(changeset).await.unwrap();
        self.clock.tick();
    }

    async fn deliver(&self) {
        let now = now(&self.store);
        let fan_out = self.store.fan_out(HOME, OWNER, now, 200, FanOutPhase::Healthy).await.unwrap();
        assert_eq!(fan_out, FanOut { events: EVENTS, deliveries: DELIVERIES, remaining: false });
        let leases = self.store.acquire_partitions(&self.partitions, OWNER, now, now + LEASE_DURATION).await.unwrap();
        assert_eq!(leases.len(), SUBSCRIPTIONS);
        join_all(self.partitions.iter().map(|partition| self.send(*partition, now))).await;
    }

    async fn send(&self, partition: Partition, now: Timestamp) {
        let due = self.store.due_deliveries(partition, now, 100).await.unwrap();
        assert_eq!(due.len(), EVENTS);
        let update = |before: Stored<webhooks::WebhookDelivery>| {
            let after = before.record.after_attempt(samples::attempt(now, None), now, 128);
            DeliveryUpdate { after: before.changed(now, after), before }
        };
        let updates: Vec<_> = due.into_iter().map(|due| update(due.delivery)).collect();
        let health = DeliveryHealth { last_delivery_at: Some(now), failing_since: None };
        assert!(self.store.record_results(partition, &updates, Some(health)).await.unwrap().is_empty());
        assert!(self.store.release_partition(partition, OWNER, now, false).await.unwrap());
    }
}

fn now(store: &SqlStore) -> Timestamp {
    let timestamp: WriteTimestamp = store.begin_write();
    timestamp.clock()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_succeeds_at_once_is_stored_once_and_its_event_is_never_rewritten() {
    let delivering = DeliveringStore::new().await;
    delivering.publish().await;
    delivering.deliver().await;
    let (events, deliveries) = (EVENTS as i64, DELIVERIES as i64);
    let expected = [
        ("outbox", [events, 0, 0]),
        ("pending_events", [events, 0, events]),
        ("webhook_deliveries", [deliveries, 0, 0]),
        ("webhook_queue", [deliveries, 0, deliveries]),
    ];
    let expected: BTreeMap<String, RowChanges> =
        expected.into_iter().map(|(table, changes)| (table.to_owned(), changes)).collect();
    // PostgreSQL publishes these statistics within some seconds.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let changes = row_changes(&delivering.fresh).await;
        if changes == expected {
            break;
        }
        assert!(Instant::now() < deadline, "{changes:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_that_are_due_together_share_their_statements() {
    let delivering = DeliveringStore::new().await;
    let mut counts = Vec::new();
    for _ in 0..4 {
        delivering.publish().await;
        delivering.proxy.take_executed();
        delivering.deliver().await;
        counts.push(delivering.proxy.take_executed());
    }
    // Each partition has its own statements to find what is due in it and to be released. The others are for many.
    let fewest = counts.into_iter().min().unwrap();
    assert!(fewest < DELIVERIES / 2, "{fewest} statements for {DELIVERIES} deliveries");
}
