//! Measures the store on SQLite, in µs of CPU time and of wall-clock time per call, with 64 callers:
//! `cargo run --release -p novantra-store-sql --example measure`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audit::HasAuditTables as _;
use auth::Accounts as _;
use findings::{Finding, FindingFilter, Status};
use kernel::{AuditTrail as _, Clock as _, Entropy as _, Id, Ledger as _, OrganizationId, PageRequest, Reader, Stored};
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use store::Maintenance as _;
use store_contract::{TestClock, TestEntropy, TestLogKey, samples};
use ulid::Ulid;

const CALLERS: usize = 64;
const FINDINGS: usize = 10_000;

struct Fixture {
    store: SqlStore,
    entropy: TestEntropy,
    home: OrganizationId,
    ids: Vec<Id<Finding>>,
}

impl Fixture {
    async fn commit(&self, count: usize) -> Vec<Id<Finding>> {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin_write(), self.home);
        let ids: Vec<_> = (0..count).map(|_| Id::new(self.entropy.ulid(changeset.at()))).collect();
        for id in &ids {
            let finding = samples::finding(&id.to_string());
            changeset.create(&Stored::new(self.home, *id, changeset.at(), finding));
        }
        self.store.commit(changeset).await.expect("a commit");
        ids
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = DatabaseUrl::Sqlite(folder.path().join("measure.db"));
    let database = Database::open(&url).await.expect("a database");
    let clock = Arc::new(TestClock::default());
    database.migrate(clock.now()).await.expect("a schema");
    let store = SqlStore::open(database, Role::Server, clock, Ulid::nil()).await.expect("a store");
    store.authenticate_rows(Arc::new(TestLogKey::DEFAULT));
    let mut fixture = Fixture { store, entropy: TestEntropy::default(), home: Id::new(Ulid(1)), ids: Vec::new() };
    let began = Instant::now();
    for _ in 0..FINDINGS / 500 {
        let ids = fixture.commit(500).await;
        fixture.ids.extend(ids);
    }
    println!("{:<38}{:>8.1} µs", "a row in commits of 500", began.elapsed().as_micros() as f64 / FINDINGS as f64);
    let fixture = Arc::new(fixture);

    report("get", 200_000, &fixture, async |fixture, number| {
        let id = fixture.ids[number * 7919 % fixture.ids.len()];
        assert!(Reader::<Finding>::get(&fixture.store, fixture.home, id).await.expect("a read").is_some());
    })
    .await;
    report("account revision", 200_000, &fixture, async |fixture, _| {
        assert!(fixture.store.revision(fixture.home, Id::new(Ulid(1))).await.expect("a read").is_none());
    })
    .await;
    let absent: Vec<String> = (0..500).map(|number| format!("absent-{number}")).collect();
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    report("500 keys that do not exist", 1_000, &fixture, async |fixture, _| {
        let found = Reader::<Finding>::get_by_keys(&fixture.store, fixture.home, &absent).await.expect("a read");
        assert!(found.is_empty());
    })
    .await;
    for (what, filter) in [
        ("page of 50", FindingFilter::default()),
        ("page of 50, one status", FindingFilter::default().with("status", [Status::Open])),
    ] {
        report(what, 20_000, &fixture, async |fixture, _| {
            let page = Reader::<Finding>::list(&fixture.store, fixture.home, &filter, &PageRequest::default()).await;
            assert_eq!(page.expect("a page").items.len(), 50);
        })
        .await;
    }
    report("commit of one finding", 20_000, &fixture, async |fixture, _| drop(fixture.commit(1).await)).await;
    report("append to the audit log", 100_000, &fixture, async |fixture, _| {
        let timestamp = fixture.store.begin_entry();
        let entry = samples::entry(&fixture.entropy, fixture.home, timestamp.at());
        fixture.store.append(entry, timestamp).await.expect("an append");
    })
    .await;
    fixture.store.close().await;
}

/// Makes `calls` calls, `CALLERS` at a time, and prints the time of each.
async fn report(what: &str, calls: usize, fixture: &Arc<Fixture>, call: impl AsyncFn(&Fixture, usize)) {
    let (cpu_before, started) = (processor_time(), Instant::now());
    // One task polls all callers, so that the store is measured and not the scheduling of tasks.
    let callers = (0..CALLERS).map(|caller| {
        let call = &call;
        async move {
            for number in (caller..calls).step_by(CALLERS) {
                call(fixture, number).await;
            }
        }
    });
    futures_util::future::join_all(callers).await;
    let each = |span: Duration| span.as_nanos() as f64 / 1000.0 / calls as f64;
    println!(
        "{what:<38}{:>8.1} µs of CPU {:>8.1} µs elapsed",
        each(processor_time() - cpu_before),
        each(started.elapsed())
    );
}

/// Returns the CPU time that all threads of this process have used.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
