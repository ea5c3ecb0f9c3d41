//! Several servers over one PostgreSQL, whose clocks need not agree: a client that catches up from the `X-As-Of` of a
//! list misses nothing, whichever server writes, starts, falls silent or stops.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use audit::{AuditFilter, AuditLog as _};
use findings::Finding;
use kernel::{
    AuditTrail as _, Changeset, CommitError, Entropy as _, Id, Ledger as _, Order, Organization, OrganizationId,
    PageLimit, PageRequest, Reader, StoreError, Stored, TimeRange, Timestamp,
};
use novantra_store_sql::{Role, SqlStore};
use postgres_cluster::TestDatabase;
use registers::Control;
use store::Maintenance as _;
use store_contract::{TestClock, TestEntropy, samples};
use tokio::task::JoinSet;
use ulid::Ulid;

use crate::support::{open_store, postgres};

const DEADLINE: Duration = Duration::from_secs(60);
struct TestDeployment {
    fresh: TestDatabase,
    entropy: TestEntropy,
    home: OrganizationId,
    servers: AtomicU32,
}

/// One of several servers, with a clock of its own.
struct Server {
    store: SqlStore,
    clock: Arc<TestClock>,
    process: Ulid,
}

impl TestDeployment {
    async fn new() -> Arc<Self> {
        let fresh = postgres::create().await;
        let test =
            Self { fresh, entropy: TestEntropy::default(), home: Id::new(Ulid(1)), servers: AtomicU32::default() };
        let first = test.server(0).await;
        let mut changeset = samples::changeset(&test.entropy, first.store.begin_write(), test.home);
        let home: Id<Organization> = test.home;
        changeset.create(&Stored::new(home, home, changeset.at(), samples::organization("home")));
        first.store.commit(changeset).await.unwrap();
        first.store.close().await;
        Arc::new(test)
    }

    /// Starts a server whose clock is `ahead` seconds ahead.
    async fn server(&self, ahead: i64) -> Server {
        let number = self.servers.fetch_add(1, Ordering::Relaxed) + 1;
        let clock = Arc::new(TestClock::new(Timestamp::from_millis(TestClock::START.millis() + ahead * 1000)));
        let process = Ulid::from_parts(u64::from(number), 0);
        let database = postgres::open(&self.fresh).await;
        let store = open_store(database, Role::Server, Arc::clone(&clock) as _, process).await;
        Server { store, clock, process }
    }

    fn finding(&self, server: &Server, key: &str) -> (Id<Finding>, Changeset) {
        let mut changeset = samples::changeset(&self.entropy, server.store.begin_write(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.create(&Stored::new(self.home, id, changeset.at(), samples::finding(key)));
        (id, changeset)
    }

    /// Returns the findings that pages from this time on list, and the `X-As-Of` of the first page.
    async fn catch_up(&self, server: &Server, since: Timestamp) -> (BTreeSet<Id<Finding>>, Timestamp) {
        let time_range = TimeRange { updated_after: Some(since), ..TimeRange::default() };
        let mut page = PageRequest { order: Order::Changed, limit: PageLimit::clamped(20), time_range, after: None };
        let (mut found, mut as_of) = (BTreeSet::new(), None);
        loop {
            let listed = Reader::<Finding>::list(&server.store, self.home, &Default::default(), &page).await.unwrap();
            as_of = as_of.or(Some(listed.as_of));
            found.extend(listed.items.into_iter().map(|stored| stored.meta.id));
            match listed.next {
                Some(_) => page.after = listed.next,
                None => return (found, as_of.unwrap()),
            }
        }
    }

    /// Returns the `X-As-Of` of a list that nobody writes to.
    async fn as_of(&self, server: &Server) -> Timestamp {
        Reader::<Control>::list(&server.store, self.home, &Default::default(), &PageRequest::default())
            .await
            .unwrap()
            .as_of
    }
}

async fn eventually(event: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < DEADLINE, "{event} did not happen within {DEADLINE:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_detects_whether_it_is_the_sole_process() {
    let test = TestDeployment::new().await;
    let first = test.server(0).await;
    assert!(!first.store.is_sole_process(), "the first check has not run yet");
    eventually("the first server finds itself alone", async || first.store.is_sole_process()).await;
    let second = test.server(0).await;
    eventually("the first server finds the second", async || !first.store.is_sole_process()).await;
    second.store.close().await;
    eventually("the first server finds itself alone again", async || first.store.is_sole_process()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catching_up_from_as_of_misses_no_commit_of_servers_whose_clocks_differ() {
    let test = TestDeployment::new().await;
    let mut servers = Vec::new();
    for ahead in [0, -90, 90] {
        servers.push(Arc::new(test.server(ahead).await));
    }
    let mut writing = JoinSet::new();
    for (index, server) in servers.iter().enumerate() {
        let (test, server) = (Arc::clone(&test), Arc::clone(server));
        writing.spawn(async move {
            let mut written = BTreeSet::new();
            for number in 0..60 {
                let (id, changeset) = test.finding(&server, &format!("f-{index}-{number}"));
                server.clock.tick();
                tokio::task::yield_now().await;
                server.store.commit(changeset).await.unwrap();
                written.insert(id);
            }
            written
        });
    }
    // One more server, whose clock is behind all others, starts while they write.
    let (channel, late_test) = (tokio::sync::oneshot::channel(), Arc::clone(&test));
    let (start, started) = channel;
    writing.spawn(async move {
        started.await.unwrap();
        let server = late_test.server(-300).await;
        let mut written = BTreeSet::new();
        for number in 0..20 {
            let (id, changeset) = late_test.finding(&server, &format!("late-{number}"));
            server.store.commit(changeset).await.unwrap();
            written.insert(id);
        }
        server.store.close().await;
        written
    });
    let mut start = Some(start);
    let (mut mirror, mut since, mut written) = (BTreeSet::new(), Timestamp::MIN, BTreeSet::new());
    for pass in 0.. {
        while let Some(written_by_one) = writing.try_join_next() {
            written.extend(written_by_one.unwrap());
        }
        let last = writing.is_empty();
        let (found, as_of) = test.catch_up(&servers[pass % servers.len()], since).await;
        mirror.extend(found);
        since = as_of;
        if pass == 5 {
            start.take().unwrap().send(()).unwrap();
        }
        if last && start.is_none() {
            break;
        }
    }
    assert_eq!(written.len(), 200);
    assert_eq!(written.difference(&mirror).count(), 0, "a catch-up missed commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_server_stamps_no_write_before_a_returned_as_of_even_if_its_clock_is_behind() {
    let test = TestDeployment::new().await;
    let first = test.server(90).await;
    for round in 1..=5 {
        let as_of = test.as_of(&first).await;
        let second = test.server(-90 * round).await;
        assert!(second.store.begin_write().at() >= as_of);
        assert!(second.store.begin_entry().at() >= as_of);
        second.store.close().await;
        first.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_after_all_others_died_stamps_no_write_before_a_returned_as_of() {
    let test = TestDeployment::new().await;
    let as_of = {
        let first = test.server(90).await;
        test.as_of(&first).await
    };
    let second = test.server(-90).await;
    assert!(second.store.begin_write().at() >= as_of);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_is_more_than_a_year_ahead_of_the_last_returned_as_of_does_not_open_the_store() {
    const YEAR: i64 = 366 * 24 * 60 * 60;
    let test = TestDeployment::new().await;
    test.as_of(&test.server(0).await).await;
    let open = async |ahead: i64| {
        let clock = Arc::new(TestClock::new(Timestamp::from_millis(TestClock::START.millis() + ahead * 1000)));
        let database = postgres::open(&test.fresh).await;
        SqlStore::open(database, Role::Server, clock, Ulid(9)).await.map(drop).map_err(|error| error.to_string())
    };
    let refused = open(YEAR + 60).await.unwrap_err();
    assert!(refused.contains("set the clock") && refused.contains("novantra clock reset"), "{refused}");
    assert_eq!(open(YEAR - 60).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_a_clock_of_the_future_left_behind_holds_as_of_back_only_until_it_is_removed() {
    let test = TestDeployment::new().await;
    let server = test.server(0).await;
    let left_behind = format!(
        "INSERT INTO open_writes (process_id, floor, expires_at) VALUES ('01HZX3V6T9C6Q4W8N2D5K7M1RB', {}, 3400000000000)",
        TestClock::START.millis()
    );
    test.fresh.connect().await.batch_execute(&left_behind).await.unwrap();
    assert_eq!(postgres::open(&test.fresh).await.active_processes().await.unwrap(), 1);
    server.clock.advance(Duration::from_secs(60));
    eventually("X-As-Of advances", async || test.as_of(&server).await >= TestClock::START + Duration::from_secs(60))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_is_behind_does_not_hold_as_of_back_by_that_time() {
    let test = TestDeployment::new().await;
    let (ahead, _behind) = (test.server(0).await, test.server(-90).await);
    let as_of = test.as_of(&ahead).await;
    ahead.clock.advance(Duration::from_secs(60));
    eventually("X-As-Of advances", async || test.as_of(&ahead).await >= as_of + Duration::from_secs(59)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_registration_expired_cannot_commit_until_it_registers_again() {
    let test = TestDeployment::new().await;
    let (silent, other) = (test.server(0).await, test.server(0).await);
    let (id, stale) = test.finding(&silent, "stale");
    let timestamp = silent.store.begin_entry();
    let delete = format!("DELETE FROM open_writes WHERE process_id = '{}'", silent.process);
    test.fresh.connect().await.batch_execute(&delete).await.unwrap();
    let refused = silent.store.commit(stale).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let entry = samples::entry(&test.entropy, test.home, timestamp.at());
    let appended = silent.store.append(entry.clone(), timestamp).await;
    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "{appended:?}");
    assert_eq!(Reader::<Finding>::get(&other.store, test.home, id).await.unwrap(), None);
    assert_eq!(other.store.entry(test.home, entry.id).await.unwrap(), None);
    let (mut number, mut as_of) = (0, Timestamp::MIN);
    eventually("the server registers again", async || {
        as_of = as_of.max(test.as_of(&other).await);
        number += 1;
        let (_, changeset) = test.finding(&silent, &format!("fresh-{number}"));
        let at = changeset.at();
        let stored = silent.store.commit(changeset).await.is_ok();
        assert!(!stored || at >= as_of, "{at} precedes X-As-Of {as_of}, which a list had returned");
        stored
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_stamped_before_the_registration_expired_is_refused_after_the_server_registered_again() {
    let test = TestDeployment::new().await;
    let (silent, other) = (test.server(0).await, test.server(0).await);
    let (_, stale) = test.finding(&silent, "stale");
    test.fresh.connect().await.batch_execute("DELETE FROM open_writes").await.unwrap();
    other.clock.advance(Duration::from_secs(60));
    let rows = async || {
        let rows = test.fresh.connect().await.query("SELECT process_id FROM open_writes", &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<BTreeSet<_>>()
    };
    eventually("both servers register again", async || {
        test.as_of(&other).await;
        rows().await.len() == 2
    })
    .await;
    let as_of = test.as_of(&other).await;
    assert!(matches!(silent.store.commit(stale).await, Err(CommitError::Store(StoreError::Unavailable(_)))));
    let (_, fresh) = test.finding(&silent, "fresh");
    assert!(fresh.at() >= as_of);
    silent.store.commit(fresh).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_flight_holds_as_of_back_while_its_server_deregisters() {
    let test = TestDeployment::new().await;
    let (leaving, other) = (Arc::new(test.server(0).await), test.server(0).await);
    let (id, slow) = test.finding(&leaving, "slow");
    let at = slow.at();
    other.clock.advance(Duration::from_secs(60));
    let mut blocker = test.fresh.connect().await;
    let blocking = blocker.transaction().await.unwrap();
    blocking.batch_execute("LOCK TABLE findings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let commit = tokio::spawn({
        let leaving = Arc::clone(&leaving);
        async move { leaving.store.commit(slow).await }
    });
    let watch = test.fresh.connect().await;
    let waiting = async |on: &str| {
        let query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                     AND query LIKE $1";
        !watch.query(query, &[&format!("%{on}%")]).await.unwrap().is_empty()
    };
    eventually("the commit waits for the lock", async || waiting("findings").await).await;
    let leave = tokio::spawn({
        let leaving = Arc::clone(&leaving);
        async move { leaving.store.close().await }
    });
    eventually("deregistration waits for the commit", async || waiting("DELETE FROM open_writes").await).await;
    for _ in 0..50 {
        let as_of = test.as_of(&other).await;
        assert!(as_of <= at, "X-As-Of {as_of} passed the commit in flight at {at}");
    }
    blocking.rollback().await.unwrap();
    leave.await.unwrap();
    let committed = commit.await.unwrap();
    let exists = Reader::<Finding>::get(&other.store, test.home, id).await.unwrap().is_some();
    assert_eq!(exists, committed.is_ok(), "{committed:?}");
    eventually("X-As-Of advances", async || test.as_of(&other).await > at + Duration::from_secs(59)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_expired_registration_of_a_dead_server_is_deleted_by_another() {
    let test = TestDeployment::new().await;
    let (dead, other) = (test.server(0).await, test.server(0).await);
    let (at, row) = (dead.store.begin_write().at(), dead.process);
    drop(dead);
    other.clock.advance(Duration::from_secs(60));
    assert!(test.as_of(&other).await <= at, "others must assume that it has commits in flight");
    let overdue = format!("UPDATE open_writes SET expires_at = 0 WHERE process_id = '{row}'");
    test.fresh.connect().await.batch_execute(&overdue).await.unwrap();
    eventually("X-As-Of advances", async || test.as_of(&other).await > at + Duration::from_secs(59)).await;
    let log = other.store.entries(test.home, &AuditFilter::default(), &PageRequest::default()).await.unwrap();
    assert!(log.as_of > at);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_have_grown_are_analyzed_without_autovacuum() {
    let test = TestDeployment::new().await;
    let _server = test.server(0).await;
    let client = test.fresh.connect().await;
    // A table that was never analyzed, and one that was empty when it was.
    let rows = "ALTER TABLE audit_waiting SET (autovacuum_enabled = false); \
                ALTER TABLE audit_heads SET (autovacuum_enabled = false); ANALYZE audit_heads; \
                INSERT INTO audit_waiting (organization_id, id, entries, body) \
                SELECT 'o', lpad(number::text, 26, '0'), 1, '' FROM generate_series(1, 3000) AS number; \
                INSERT INTO audit_heads (organization_id, sequence, hash) \
                SELECT lpad(number::text, 26, '0'), 1, '' FROM generate_series(1, 3000) AS number";
    client.batch_execute(rows).await.unwrap();
    let analyzed = "SELECT min(relpages) > 0 FROM pg_class \
                 WHERE oid IN ('audit_waiting'::regclass, 'audit_heads'::regclass)";
    eventually("tables are analyzed", async || client.query_one(analyzed, &[]).await.unwrap().get::<_, bool>(0)).await;
}
