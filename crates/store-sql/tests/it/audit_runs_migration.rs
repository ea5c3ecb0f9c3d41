//! The migration that packs the audit log: entries of the old form stay readable, are sealed and are converted, with the
//! same hashes.

use std::{future::Future, sync::Arc, time::Duration};

use audit::{AuditFilter, Checkpoint, Head, StoredEntry};
use audit_store::{Converted, Converter, LeaseOwner, SealerKeys};
use kernel::{Clock, Entry, Id, OrganizationId, Timestamp};
use novantra_store_sql::{Database, DatabaseUrl, Role};
use store::Lease;
use store_contract::{Fixture, OpenedStore, TestClock, TestEntropy, TestLogKey, samples};
use ulid::Ulid;

use crate::support::{
    old_entries::{Schema, statements},
    open_store, postgres,
};

/// Reverts the schema to the one before migration 28.
const BEFORE: &str = "
    DROP TABLE audit_waiting;
    DROP TABLE audit_old_waiting;
    DROP TABLE audit_runs;
    DROP TABLE audit_segments;
    DROP TABLE audit_terms;
    DROP TABLE audit_tiles;
    DROP TABLE audit_writers;
    CREATE TABLE audit_waiting (organization_id text NOT NULL, id text NOT NULL, PRIMARY KEY (organization_id, id));
    ALTER TABLE audit_heads DROP COLUMN edge;
    ALTER TABLE audit_heads DROP COLUMN high_id;
    ALTER TABLE audit_heads DROP COLUMN late_ms;
    ALTER TABLE audit_heads DROP COLUMN signed_at;
    ALTER TABLE audit_heads DROP COLUMN signature;
    ALTER TABLE audit_heads DROP COLUMN note_signature;
    ALTER TABLE audit_heads DROP COLUMN old_through;
    ALTER TABLE audit_heads DROP COLUMN tag;
    DELETE FROM schema_migrations WHERE version = 28;
    UPDATE installation SET value = '27' WHERE key = 'oldest_schema';";

const OLDEST_SCHEMA: &str = "SELECT value FROM installation WHERE key = 'oldest_schema'";
const OLD_ROWS: &str = "SELECT CAST((SELECT count(*) FROM audit_entries) + (SELECT count(*) FROM audit_seals) AS text)";

/// The old log of an organization.
struct OldLog {
    organization: OrganizationId,
    /// All entries, as they are when all are sealed.
    sealed: Vec<StoredEntry>,
    /// The number of those that are sealed before the migration.
    sealed_before: usize,
}

impl OldLog {
    fn new(organization: u128, sealed_before: usize, waiting: usize) -> Self {
        let organization: OrganizationId = Id::new(Ulid(organization));
        let entropy = TestEntropy::with_offset(u64::try_from(organization.ulid().0 << 32).unwrap());
        let entry = |number: usize| -> Entry {
            let at = TestClock::START + Duration::from_millis(number as u64);
            if number.is_multiple_of(3) {
                samples::full_entry(&entropy, organization, at)
            } else {
                samples::entry(&entropy, organization, at)
            }
        };
        let entries = (0..sealed_before + waiting).map(entry).collect();
        Self { organization, sealed: samples::sealed_entries(entries, Head::EMPTY), sealed_before }
    }

    /// The entries as they are before those that wait are sealed.
    fn before(&self) -> Vec<StoredEntry> {
        let (sealed, waiting) = self.sealed.split_at(self.sealed_before);
        let waiting = waiting.iter().map(|stored| StoredEntry { seal: None, ..stored.clone() });
        sealed.iter().cloned().chain(waiting).collect()
    }

    /// The checkpoint of the last batch that was sealed.
    fn checkpoint(&self) -> Checkpoint {
        let head = self.sealed[self.sealed_before - 1].seal.unwrap();
        Checkpoint::sign(&TestLogKey::DEFAULT, self.organization, head.sequence, head.hash, TestClock::START)
    }
}

async fn test_migration<R: Future<Output = String>>(
    logs: [OldLog; 2],
    open: impl AsyncFnOnce(Arc<dyn Clock>) -> OpenedStore,
    query: impl Fn(&'static str) -> R,
) {
    let fixture = Fixture::open(open).await;
    assert_eq!(query(OLDEST_SCHEMA).await, "28");
    for log in &logs {
        assert_eq!(fixture.audit_log(log.organization).await, log.before(), "before they are sealed");
    }

    fixture.seal_all().await;
    for log in &logs {
        assert_eq!(fixture.audit_log(log.organization).await, log.sealed, "after they were sealed");
    }

    let owner = LeaseOwner { lease: "sealer", owner: "converter".into(), duration: Duration::from_secs(15) };
    let now = fixture.now();
    assert!(fixture.store.acquire_lease(Lease::Sealer, &owner.owner, now, owner.duration).await.unwrap());
    let key = Arc::new(TestLogKey::DEFAULT);
    let keys = SealerKeys { checkpoints: key.clone(), rows: key, notes: None };
    let mut converter = Converter::new(fixture.store.audit_tables(), fixture.clock.clone(), owner.clone(), keys);
    let mut finished = Vec::new();
    for _ in 0..100 {
        match converter.run_once().await.unwrap() {
            Converted::Step { .. } => {}
            Converted::Finished { organization } => finished.push(organization),
            Converted::Nothing => break,
            other => panic!("{other:?}"),
        }
    }
    // The other has less than a block, which is sealed anew with what waited.
    assert_eq!(finished, [logs[0].organization]);
    fixture.store.release_lease(Lease::Sealer, &owner.owner).await.unwrap();
    assert_eq!(query(OLD_ROWS).await, "0");

    for log in &logs {
        assert_eq!(fixture.audit_log(log.organization).await, log.sealed, "after they were converted");
        let chain = fixture.store.sealed(log.organization, 0, 10_000).await.unwrap();
        let chain: Vec<_> = chain.into_iter().filter_map(audit::SealedEntry::into_stored).collect();
        assert_eq!(chain, log.sealed);
        let subject = log.sealed[0].entry.subject.as_ref().unwrap().id.clone();
        let filter = AuditFilter { subjects: [subject].into(), ..AuditFilter::default() };
        let found = fixture.store.entries(log.organization, &filter, &kernel::PageRequest::default()).await.unwrap();
        assert!(!found.items.is_empty() && found.items.iter().all(|stored| filter.matches(&stored.entry)));
        fixture.append(samples::entry(&*fixture.entropy, log.organization, fixture.clock.tick())).await.unwrap();
    }
    fixture.seal_all().await;
    for log in &logs {
        let head = fixture.store.head(log.organization).await.unwrap();
        assert_eq!(usize::try_from(head.sequence).unwrap(), log.sealed.len() + 1);
        let last = fixture.store.sealed(log.organization, head.sequence - 1, 1).await.unwrap();
        assert_eq!(
            last[0].seal().map(|seal| seal.previous_hash),
            log.sealed.last().unwrap().seal.map(|seal| seal.hash)
        );
    }
}

/// Organizations with more and with less than a block of entries.
fn logs() -> [OldLog; 2] {
    [OldLog::new(11, 600, 3), OldLog::new(12, 5, 2)]
}

/// Returns the statements that revert the schema and insert the logs. `bytes` begins a literal of bytes.
fn insert(logs: &[OldLog; 2], bytes: &str) -> String {
    let inserted = logs.iter().map(|log| statements(Schema::BeforeRuns, &log.before(), &[log.checkpoint()], bytes));
    format!("{BEFORE}{}", inserted.collect::<String>())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_migration_to_runs_keeps_every_entry_and_its_hash_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let logs = logs();
    let (file, inserted) = (path.clone(), insert(&logs, "x'"));
    let open = async move |clock: Arc<dyn Clock>| {
        let open = async || Database::open(&DatabaseUrl::Sqlite(file.clone())).await.unwrap();
        open().await.migrate(Timestamp::from_millis(0)).await.unwrap();
        rusqlite::Connection::open(&file).unwrap().execute_batch(&inserted).unwrap();
        let database = open().await;
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        OpenedStore::new(Arc::new(open_store(database, Role::Server, clock, Ulid::from_parts(0, 1)).await))
    };
    let query = |query: &'static str| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let value = connection.query_row(query, [], |row| row.get::<_, String>(0)).unwrap();
        std::future::ready(value)
    };
    test_migration(logs, open, query).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_migration_to_runs_keeps_every_entry_and_its_hash_on_postgresql() {
    let fresh = postgres::create().await;
    let logs = logs();
    let client = fresh.connect().await;
    client.batch_execute(&insert(&logs, "'\\x")).await.unwrap();
    let url = fresh.url();
    let open = async move |clock: Arc<dyn Clock>| {
        let database = Database::open(&url.parse().unwrap()).await.unwrap();
        database.migrate(Timestamp::from_millis(0)).await.unwrap();
        OpenedStore::new(Arc::new(open_store(database, Role::Server, clock, Ulid::from_parts(0, 1)).await))
    };
    let query = async |query: &'static str| client.query_one(query, &[]).await.unwrap().get::<_, String>(0);
    test_migration(logs, open, query).await;
}
