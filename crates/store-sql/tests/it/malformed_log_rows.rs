//! Rows of the log that somebody writes by hand with keys or values that no server writes: they keep no other row from being
//! read.

use std::sync::Arc;

use audit::{AuditTables, HasAuditTables as _};
use kernel::{Clock, Id, OrganizationId, StoreError, Timestamp};
use novantra_store_sql::{Database, DatabaseUrl, Role};
use store_contract::TestClock;
use ulid::Ulid;

use crate::support::{open_store, postgres};

const OWN: Ulid = Ulid(7);
const OTHER: Ulid = Ulid(8);

/// Returns the statements; `bytes` is a literal of no bytes.
fn rows(bytes: &str) -> String {
    let zeros = "0".repeat(64);
    let head = |organization: &str, hash: &str| {
        format!(
            "INSERT INTO audit_heads (organization_id, sequence, hash, removed_through, removed_hash) \
             VALUES ('{organization}', 0, '{hash}', 0, '{zeros}');"
        )
    };
    let waiting = |organization: &str, id: &str| {
        format!(
            "INSERT INTO audit_waiting (organization_id, id, entries, body) VALUES ('{organization}', '{id}', 1, {bytes});"
        )
    };
    let (own, other) = (OWN.to_string(), OTHER.to_string());
    [
        head(&own, &zeros),
        head(&other, "no hash"),
        head("no organization", &zeros),
        waiting(&own, "!"),
        waiting(&own, &Ulid(1).to_string()),
        waiting(&own, &Ulid(2).to_string().to_lowercase().replace('0', "o")),
        waiting(&own, "zzzz"),
        waiting("!", &Ulid(3).to_string()),
        waiting("zzzz", "zzzz"),
        format!("INSERT INTO audit_writers (writer, state) VALUES ('no writer', {bytes}), ('{own}', {bytes});"),
    ]
    .concat()
}

async fn assert_others_are_read(tables: &dyn AuditTables) {
    let (own, other): (OrganizationId, OrganizationId) = (Id::new(OWN), Id::new(OTHER));
    let ids = |rows: Vec<audit::tables::WaitingRow>| rows.iter().map(|row| row.key.id).collect::<Vec<_>>();
    assert_eq!(ids(tables.waiting(None, 10, usize::MAX).await.unwrap()), [Ulid(1)]);
    assert_eq!(ids(tables.waiting_of(own, None, 1).await.unwrap()), [Ulid(1)]);
    assert_eq!(ids(tables.recent(own).await.unwrap().waiting), [Ulid(1)]);
    assert_eq!(tables.writers().await.unwrap().iter().map(|row| row.writer).collect::<Vec<_>>(), [OWN]);
    assert_eq!(tables.chains(None, 2).await.unwrap(), [own, other]);
    assert_eq!(tables.chains(None, 1).await.unwrap(), [own]);
    assert_eq!(tables.chains(Some(own), 5).await.unwrap(), [other]);
    let read = audit_store::read_all_heads(tables).await.unwrap();
    assert_eq!(read.heads.iter().map(|head| head.organization).collect::<Vec<_>>(), [own]);
    assert!(matches!(read.unreadable.as_slice(), [(id, StoreError::Corrupt(_))] if *id == other), "{read:?}");
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_rows_keep_no_other_from_being_read_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let database = Database::open(&DatabaseUrl::Sqlite(path.clone())).await.unwrap();
    database.migrate(Timestamp::from_millis(0)).await.unwrap();
    let store = open_store(database, Role::Server, clock(), Ulid::from_parts(0, 1)).await;
    rusqlite::Connection::open(&path).unwrap().execute_batch(&rows("x''")).unwrap();
    assert_others_are_read(&*store.audit_tables()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_rows_keep_no_other_from_being_read_on_postgresql() {
    let fresh = postgres::create().await;
    let database = Database::open(&fresh.url().parse().unwrap()).await.unwrap();
    database.migrate(Timestamp::from_millis(0)).await.unwrap();
    let store = open_store(database, Role::Server, clock(), Ulid::from_parts(0, 1)).await;
    fresh.connect().await.batch_execute(&rows("''")).await.unwrap();
    assert_others_are_read(&*store.audit_tables()).await;
}
