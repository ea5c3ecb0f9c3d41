//! Several servers over one PostgreSQL, whose clocks need not agree: no catch-up from what a list was told to be complete
//! up to misses anything, whoever writes, enters, falls silent or leaves.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

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
    PageLimit, PageRequest, Reader, StoreError, Stored, Timestamp, Window,
};
use novantra_store_sql::{Role, SqlStore};
use registers::Control;
use store::Upkeep as _;
use store_contract::{TestClock, TestEntropy, samples};
use tokio::task::JoinSet;
use ulid::Ulid;

#[path = "support/postgres.rs"]
mod postgres;

const DEADLINE: Duration = Duration::from_secs(60);
struct House {
    fresh: postgres::Fresh,
    entropy: TestEntropy,
    home: OrganizationId,
    servers: AtomicU32,
}

/// One of several, with a clock of its own.
struct Server {
    store: SqlStore,
    clock: Arc<TestClock>,
    process: Ulid,
}

impl House {
    async fn new() -> Arc<Self> {
        let fresh = postgres::Fresh::make().await;
        fresh.open().await.close().await;
        let house =
            Self { fresh, entropy: TestEntropy::default(), home: Id::new(Ulid(1)), servers: AtomicU32::default() };
        let founder = house.server(0).await;
        let mut changeset = samples::changeset(&house.entropy, founder.store.begin(), house.home);
        let home: Id<Organization> = house.home;
        changeset.create(&Stored::new(home, home, changeset.at(), samples::organization("home")));
        founder.store.commit(changeset).await.unwrap();
        founder.store.close().await;
        Arc::new(house)
    }

    /// A server whose clock is so many seconds ahead.
    async fn server(&self, ahead: i64) -> Server {
        let number = self.servers.fetch_add(1, Ordering::Relaxed) + 1;
        let clock = Arc::new(TestClock::at(Timestamp::from_millis(TestClock::START.millis() + ahead * 1000)));
        let process = Ulid::from_parts(u64::from(number), 0);
        let database = self.fresh.open().await;
        let store = SqlStore::over(database, Role::Server, Arc::clone(&clock) as _, process).await.unwrap();
        Server { store, clock, process }
    }

    fn finding(&self, server: &Server, key: &str) -> (Id<Finding>, Changeset) {
        let mut changeset = samples::changeset(&self.entropy, server.store.begin(), self.home);
        let id = Id::new(self.entropy.ulid(changeset.at()));
        changeset.create(&Stored::new(self.home, id, changeset.at(), samples::finding(key)));
        (id, changeset)
    }

    /// What a walk from this moment finds, and what its first page is complete up to.
    async fn catch_up(&self, server: &Server, since: Timestamp) -> (BTreeSet<Id<Finding>>, Timestamp) {
        let window = Window { updated_after: Some(since), ..Window::default() };
        let mut page = PageRequest { order: Order::Changed, limit: PageLimit::clamped(20), window, after: None };
        let (mut found, mut told) = (BTreeSet::new(), None);
        loop {
            let listed = Reader::<Finding>::list(&server.store, self.home, &Default::default(), &page).await.unwrap();
            told = told.or(Some(listed.as_of));
            found.extend(listed.items.into_iter().map(|stored| stored.meta.id));
            match listed.next {
                Some(_) => page.after = listed.next,
                None => return (found, told.unwrap()),
            }
        }
    }

    /// What a list that nobody writes to is told to be complete up to.
    async fn as_of(&self, server: &Server) -> Timestamp {
        Reader::<Control>::list(&server.store, self.home, &Default::default(), &PageRequest::default())
            .await
            .unwrap()
            .as_of
    }
}

async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !ask().await {
        assert!(begun.elapsed() < DEADLINE, "{what} did not happen within {DEADLINE:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_knows_whether_it_is_alone() {
    let house = House::new().await;
    let first = house.server(0).await;
    assert!(!first.store.alone(), "it has not looked yet");
    eventually("it finds itself alone", async || first.store.alone()).await;
    let second = house.server(0).await;
    eventually("it finds company", async || !first.store.alone()).await;
    second.store.close().await;
    eventually("it finds itself alone again", async || first.store.alone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catch_up_by_as_of_misses_no_commit_of_servers_whose_clocks_differ() {
    let house = House::new().await;
    let mut servers = Vec::new();
    for ahead in [0, -90, 90] {
        servers.push(Arc::new(house.server(ahead).await));
    }
    let mut writing = JoinSet::new();
    for (place, server) in servers.iter().enumerate() {
        let (house, server) = (Arc::clone(&house), Arc::clone(server));
        writing.spawn(async move {
            let mut written = BTreeSet::new();
            for number in 0..60 {
                let (id, changeset) = house.finding(&server, &format!("f-{place}-{number}"));
                server.clock.tick();
                tokio::task::yield_now().await;
                server.store.commit(changeset).await.unwrap();
                written.insert(id);
            }
            written
        });
    }
    // One more comes in the middle of it, whose clock is behind all others'.
    let (late, late_house) = (tokio::sync::oneshot::channel(), Arc::clone(&house));
    let (enter, entered) = late;
    writing.spawn(async move {
        entered.await.unwrap();
        let server = late_house.server(-300).await;
        let mut written = BTreeSet::new();
        for number in 0..20 {
            let (id, changeset) = late_house.finding(&server, &format!("late-{number}"));
            server.store.commit(changeset).await.unwrap();
            written.insert(id);
        }
        server.store.close().await;
        written
    });
    let mut enter = Some(enter);
    let (mut mirror, mut since, mut written) = (BTreeSet::new(), Timestamp::MIN, BTreeSet::new());
    for turn in 0.. {
        while let Some(done) = writing.try_join_next() {
            written.extend(done.unwrap());
        }
        let last = writing.is_empty();
        let (found, told) = house.catch_up(&servers[turn % servers.len()], since).await;
        mirror.extend(found);
        since = told;
        if turn == 5 {
            enter.take().unwrap().send(()).unwrap();
        }
        if last && enter.is_none() {
            break;
        }
    }
    assert_eq!(written.len(), 200);
    assert_eq!(written.difference(&mirror).count(), 0, "a catch-up missed commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_enters_stamps_nothing_before_what_others_were_told_whatever_its_clock_says() {
    let house = House::new().await;
    let first = house.server(90).await;
    for round in 1..=5 {
        let told = house.as_of(&first).await;
        let second = house.server(-90 * round).await;
        assert!(second.store.begin().at() >= told);
        assert!(second.store.begin_entry().at() >= told);
        second.store.close().await;
        first.clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_alone_stamps_nothing_before_what_was_told_before_it_went() {
    let house = House::new().await;
    let told = {
        let first = house.server(90).await;
        house.as_of(&first).await
    };
    let second = house.server(-90).await;
    assert!(second.store.begin().at() >= told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_is_behind_does_not_hold_as_of_back_for_as_long() {
    let house = House::new().await;
    let (ahead, _behind) = (house.server(0).await, house.server(-90).await);
    let told = house.as_of(&ahead).await;
    ahead.clock.advance(Duration::from_secs(60));
    eventually("as-of goes on", async || house.as_of(&ahead).await >= told + Duration::from_secs(59)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_a_server_taken_for_gone_is_refused_and_the_server_enters_again() {
    let house = House::new().await;
    let (silent, other) = (house.server(0).await, house.server(0).await);
    let (id, stale) = house.finding(&silent, "stale");
    let stamp = silent.store.begin_entry();
    let taken = format!("DELETE FROM open_writes WHERE process_id = '{}'", silent.process);
    house.fresh.connect().await.batch_execute(&taken).await.unwrap();
    let refused = silent.store.commit(stale).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let entry = samples::entry(&house.entropy, house.home, stamp.at());
    let appended = silent.store.append(entry.clone(), stamp).await;
    assert!(matches!(appended, Err(StoreError::Unavailable(_))), "{appended:?}");
    assert_eq!(Reader::<Finding>::get(&other.store, house.home, id).await.unwrap(), None);
    assert_eq!(other.store.entry(house.home, entry.id).await.unwrap(), None);
    let (mut number, mut told) = (0, Timestamp::MIN);
    eventually("it enters again", async || {
        told = told.max(house.as_of(&other).await);
        number += 1;
        let (_, changeset) = house.finding(&silent, &format!("fresh-{number}"));
        let at = changeset.at();
        let stored = silent.store.commit(changeset).await.is_ok();
        assert!(!stored || at >= told, "{at} was told of already: {told}");
        stored
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stamped_before_a_server_was_taken_for_gone_is_refused_after_it_entered_again() {
    let house = House::new().await;
    let (silent, other) = (house.server(0).await, house.server(0).await);
    let (_, stale) = house.finding(&silent, "stale");
    house.fresh.connect().await.batch_execute("DELETE FROM open_writes").await.unwrap();
    other.clock.advance(Duration::from_secs(60));
    let rows = async || {
        let rows = house.fresh.connect().await.query("SELECT process_id FROM open_writes", &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<BTreeSet<_>>()
    };
    eventually("both enter again", async || {
        house.as_of(&other).await;
        rows().await.len() == 2
    })
    .await;
    let told = house.as_of(&other).await;
    assert!(matches!(silent.store.commit(stale).await, Err(CommitError::Store(StoreError::Unavailable(_)))));
    let (_, fresh) = house.finding(&silent, "fresh");
    assert!(fresh.at() >= told);
    silent.store.commit(fresh).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_flight_holds_as_of_back_though_its_server_leaves() {
    let house = House::new().await;
    let (leaving, other) = (Arc::new(house.server(0).await), house.server(0).await);
    let (id, slow) = house.finding(&leaving, "slow");
    let at = slow.at();
    other.clock.advance(Duration::from_secs(60));
    let mut blocker = house.fresh.connect().await;
    let blocking = blocker.transaction().await.unwrap();
    blocking.batch_execute("LOCK TABLE findings IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let commit = tokio::spawn({
        let leaving = Arc::clone(&leaving);
        async move { leaving.store.commit(slow).await }
    });
    let watch = house.fresh.connect().await;
    let waiting = async |on: &str| {
        let query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' \
                     AND query LIKE $1";
        !watch.query(query, &[&format!("%{on}%")]).await.unwrap().is_empty()
    };
    eventually("the commit waits", async || waiting("findings").await).await;
    let leave = tokio::spawn({
        let leaving = Arc::clone(&leaving);
        async move { leaving.store.close().await }
    });
    eventually("leaving waits for it", async || waiting("DELETE FROM open_writes").await).await;
    for _ in 0..50 {
        let told = house.as_of(&other).await;
        assert!(told <= at, "{told} passed what was in flight at {at}");
    }
    blocking.rollback().await.unwrap();
    leave.await.unwrap();
    let committed = commit.await.unwrap();
    let there = Reader::<Finding>::get(&other.store, house.home, id).await.unwrap().is_some();
    assert_eq!(there, committed.is_ok(), "{committed:?}");
    eventually("as-of goes on", async || house.as_of(&other).await > at + Duration::from_secs(59)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_row_of_a_server_that_died_is_taken_away_when_it_is_overdue() {
    let house = House::new().await;
    let (dead, other) = (house.server(0).await, house.server(0).await);
    let (at, row) = (dead.store.begin().at(), dead.process);
    drop(dead);
    other.clock.advance(Duration::from_secs(60));
    assert!(house.as_of(&other).await <= at, "it may have commits in flight for all that others know");
    let overdue = format!("UPDATE open_writes SET expires_at = 0 WHERE process_id = '{row}'");
    house.fresh.connect().await.batch_execute(&overdue).await.unwrap();
    eventually("as-of goes on", async || house.as_of(&other).await > at + Duration::from_secs(59)).await;
    let log = other.store.entries(house.home, &AuditFilter::default(), &PageRequest::default()).await.unwrap();
    assert!(log.as_of > at);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_have_grown_get_their_statistics_though_autovacuum_does_not_come_by() {
    let house = House::new().await;
    let _server = house.server(0).await;
    let client = house.fresh.connect().await;
    // One that was never looked at, and one that was empty then.
    let rows = "ALTER TABLE audit_waiting SET (autovacuum_enabled = false); \
                ALTER TABLE audit_heads SET (autovacuum_enabled = false); ANALYZE audit_heads; \
                INSERT INTO audit_waiting (organization_id, id) \
                SELECT 'o', lpad(number::text, 26, '0') FROM generate_series(1, 3000) AS number; \
                INSERT INTO audit_heads (organization_id, sequence, hash) \
                SELECT lpad(number::text, 26, '0'), 1, '' FROM generate_series(1, 3000) AS number";
    client.batch_execute(rows).await.unwrap();
    let taken = "SELECT min(relpages) > 0 FROM pg_class \
                 WHERE oid IN ('audit_waiting'::regclass, 'audit_heads'::regclass)";
    eventually("they are taken", async || client.query_one(taken, &[]).await.unwrap().get::<_, bool>(0)).await;
}
