//! What the store costs on SQLite, in µs of processor time and of waiting per call, with 64 callers:
//! `cargo run --release -p novantra-store-sql --example measure`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth::Accounts as _;
use findings::{Finding, FindingFilter, Status};
use kernel::{AuditTrail as _, Clock as _, Entropy as _, Id, Ledger as _, OrganizationId, PageRequest, Reader, Stored};
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use store::Upkeep as _;
use store_contract::{TestClock, TestEntropy, samples};
use ulid::Ulid;

const CALLERS: usize = 64;
const FINDINGS: usize = 10_000;

struct Ground {
    store: SqlStore,
    entropy: TestEntropy,
    home: OrganizationId,
    ids: Vec<Id<Finding>>,
}

impl Ground {
    async fn commit(&self, count: usize) -> Vec<Id<Finding>> {
        let mut changeset = samples::changeset(&self.entropy, self.store.begin(), self.home);
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
    let store = SqlStore::over(database, Role::Server, clock, Ulid::nil()).await.expect("a store");
    let mut ground = Ground { store, entropy: TestEntropy::default(), home: Id::new(Ulid(1)), ids: Vec::new() };
    let began = Instant::now();
    for _ in 0..FINDINGS / 500 {
        let ids = ground.commit(500).await;
        ground.ids.extend(ids);
    }
    println!("{:<38}{:>8.1} µs", "a row in commits of 500", began.elapsed().as_micros() as f64 / FINDINGS as f64);
    let ground = Arc::new(ground);

    report("get", 200_000, &ground, async |ground, number| {
        let id = ground.ids[number * 7919 % ground.ids.len()];
        assert!(Reader::<Finding>::get(&ground.store, ground.home, id).await.expect("a read").is_some());
    })
    .await;
    report("standing", 200_000, &ground, async |ground, _| {
        assert!(ground.store.revision(ground.home, Id::new(Ulid(1))).await.expect("a read").is_none());
    })
    .await;
    let absent: Vec<String> = (0..500).map(|number| format!("absent-{number}")).collect();
    let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
    report("500 keys that nothing has", 1_000, &ground, async |ground, _| {
        let found = Reader::<Finding>::with_keys(&ground.store, ground.home, &absent).await.expect("a read");
        assert!(found.is_empty());
    })
    .await;
    for (what, filter) in [
        ("page of 50", FindingFilter::default()),
        ("page of 50, one status", FindingFilter { statuses: [Status::Open].into(), ..FindingFilter::default() }),
    ] {
        report(what, 20_000, &ground, async |ground, _| {
            let page = Reader::<Finding>::list(&ground.store, ground.home, &filter, &PageRequest::default()).await;
            assert_eq!(page.expect("a page").items.len(), 50);
        })
        .await;
    }
    report("commit of one finding", 20_000, &ground, async |ground, _| drop(ground.commit(1).await)).await;
    report("append to the audit log", 100_000, &ground, async |ground, _| {
        let stamp = ground.store.begin_entry();
        let entry = samples::entry(&ground.entropy, ground.home, stamp.at());
        ground.store.append(entry, stamp).await.expect("an append");
    })
    .await;
    ground.store.close().await;
}

/// Makes the calls, so many at a time, and prints what each took.
async fn report(what: &str, calls: usize, ground: &Arc<Ground>, call: impl AsyncFn(&Ground, usize)) {
    let (spent, began) = (processor_time(), Instant::now());
    // One task whose callers take turns: what is measured is the store, and not the waking of tasks.
    let callers = (0..CALLERS).map(|caller| {
        let call = &call;
        async move {
            for number in (caller..calls).step_by(CALLERS) {
                call(ground, number).await;
            }
        }
    });
    futures_util::future::join_all(callers).await;
    let each = |span: Duration| span.as_nanos() as f64 / 1000.0 / calls as f64;
    println!(
        "{what:<38}{:>8.1} µs of processor {:>8.1} µs by the clock",
        each(processor_time() - spent),
        each(began.elapsed())
    );
}

/// What all threads of this process have used.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
