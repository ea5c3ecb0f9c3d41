//! The schema is the same on both engines, is migrated by the first process that opens it, and is refused if it is not
//! this program's.

use std::collections::BTreeSet;

use evidence::{EvidenceAttachment, EvidenceContent};
use findings::{Finding, FindingEvent};
use kernel::{ColumnType, Organization, Record, StoreError, Timestamp};
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use postgres_cluster::TestDatabase;
use submissions::SubmissionEvent;
use ulid::Ulid;

use crate::support::postgres;

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

/// Table, column, and whether it is nullable.
type Columns = BTreeSet<(String, String, bool)>;

fn sqlite_columns(path: &std::path::Path) -> Columns {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.name, c.name, c.\"notnull\" = 0 AND c.pk = 0 FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
             WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

async fn postgres_columns(fresh: &TestDatabase) -> Columns {
    let query = "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns \
                 WHERE table_schema = current_schema()";
    let rows = fresh.connect().await.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

async fn sqlite(path: &std::path::Path) -> Database {
    Database::open(&DatabaseUrl::Sqlite(path.to_owned())).await.unwrap()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let fresh = postgres::create().await;
    let (on_sqlite, on_postgres) = (sqlite_columns(&path), postgres_columns(&fresh).await);
    assert_eq!(
        on_sqlite.difference(&on_postgres).collect::<Vec<_>>(),
        Vec::<&(String, String, bool)>::new(),
        "only on SQLite"
    );
    assert_eq!(
        on_postgres.difference(&on_sqlite).collect::<Vec<_>>(),
        Vec::<&(String, String, bool)>::new(),
        "only on PostgreSQL"
    );
}

/// The columns of every record's table, as its statement of fields says: table, column, whether it is nullable, and whether
/// it is an integer.
fn stated_columns() -> Vec<(&'static str, &'static str, bool, bool)> {
    fn columns<R: Record>() -> impl Iterator<Item = (&'static str, &'static str, bool, bool)> {
        let meta = ["organization_id", "id", "revision", "created_at", "updated_at"].map(|name| {
            let is_integer = !["organization_id", "id"].contains(&name);
            (R::PLURAL, name, false, is_integer)
        });
        let own = R::COLUMNS.iter().map(|column| {
            let is_integer = matches!(column.column_type, ColumnType::Integer | ColumnType::Timestamp);
            (R::PLURAL, column.name, column.nullable, is_integer)
        });
        meta.into_iter().chain(own)
    }
    let mut all: Vec<_> = columns::<Organization>()
        .chain(columns::<Finding>())
        .chain(columns::<FindingEvent>())
        .chain(columns::<SubmissionEvent>())
        .chain(columns::<EvidenceAttachment>())
        .chain(columns::<EvidenceContent>())
        .collect();
    macro_rules! each {
        ($($kind:ident => $register:ty,)*) => { $(all.extend(columns::<$register>());)* };
    }
    registers::for_each_register!(each);
    all
}

/// Returns how the columns of a database differ from those that the records state. The type of a column is its name in
/// the database.
fn differences(migrated: &[(String, String, bool, String)]) -> Vec<String> {
    let describe = |table: &str, column: &str, is_nullable: bool, is_integer: bool| {
        let (kind, null) =
            (if is_integer { "integer" } else { "text" }, if is_nullable { "nullable" } else { "not null" });
        format!("{table}.{column} {kind} {null}")
    };
    let stated = stated_columns();
    let tables: BTreeSet<&str> = stated.iter().map(|(table, ..)| *table).collect();
    let expected: BTreeSet<String> = stated
        .iter()
        .map(|(table, column, is_nullable, is_integer)| describe(table, column, *is_nullable, *is_integer))
        .collect();
    let found: BTreeSet<String> = migrated
        .iter()
        .filter(|(table, ..)| tables.contains(table.as_str()))
        .map(|(table, column, is_nullable, kind)| {
            let is_integer = ["integer", "bigint"].contains(&kind.to_lowercase().as_str());
            assert!(is_integer || kind.eq_ignore_ascii_case("text"), "{table}.{column} has the type {kind}");
            describe(table, column, *is_nullable, is_integer)
        })
        .collect();
    let lacking = expected.difference(&found).map(|column| format!("the migrations lack {column}"));
    lacking.chain(found.difference(&expected).map(|column| format!("the record lacks {column}"))).collect()
}

#[tokio::test]
async fn every_record_has_the_columns_of_its_migrated_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let text = "SELECT t.name, c.name, c.\"notnull\" = 0 AND c.pk = 0, c.type FROM sqlite_schema AS t, \
                pragma_table_info(t.name) AS c WHERE t.type = 'table'";
    let mut statement = connection.prepare(text).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let on_sqlite: Vec<_> = rows.map(Result::unwrap).collect();
    assert_eq!(differences(&on_sqlite), [""; 0], "on SQLite");

    let query = "SELECT table_name::text, column_name::text, is_nullable = 'YES', data_type::text \
                 FROM information_schema.columns WHERE table_schema = current_schema()";
    let rows = postgres::create().await.connect().await.query(query, &[]).await.unwrap();
    let on_postgres: Vec<_> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert_eq!(differences(&on_postgres), [""; 0], "on PostgreSQL");
}

#[tokio::test]
async fn a_store_cannot_be_opened_over_a_database_that_lacks_migrations() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(&folder.path().join("novantra.db")).await;
    assert_eq!(database.pending_migrations().await.unwrap().first().map(|first| first.version), Some(1));
    let clock = std::sync::Arc::new(store_contract::TestClock::default());
    let refused = SqlStore::open(database, Role::Server, clock, Ulid::nil()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_can_migrate_concurrently() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = TestDatabase::create().await;
    for url in [DatabaseUrl::Sqlite(folder.path().join("novantra.db")), fresh.url().parse().unwrap()] {
        let mut migrating = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let url = url.clone();
            migrating.spawn(async move { Database::open(&url).await.unwrap().migrate(NOW).await.unwrap().len() });
        }
        let mut applied: Vec<usize> = migrating.join_all().await;
        applied.sort_unstable();
        assert_eq!(applied[..4], [0, 0, 0, 0]);
        assert!(applied[4] > 0);
    }
}

/// Returns a database that a newer program has migrated with these statements.
async fn newer(folder: &tempfile::TempDir, statements: &str) -> (Database, rusqlite::Connection) {
    let path = folder.path().join("novantra.db");
    let database = sqlite(&path).await;
    database.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', '', 0)", []).unwrap();
    connection.execute_batch(statements).unwrap();
    (database, connection)
}

#[tokio::test]
async fn a_database_migrated_by_a_newer_program_is_usable_until_it_requires_a_newer_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (database, connection) = newer(&folder, "ALTER TABLE findings ADD COLUMN mood text").await;
    assert_eq!(database.pending_migrations().await.unwrap(), []);
    assert_eq!(database.migrate(NOW).await.unwrap(), []);
    connection.execute("UPDATE installation SET value = '9999' WHERE key = 'oldest_schema'", []).unwrap();
    let refused = database.pending_migrations().await.unwrap_err();
    assert!(refused.to_string().contains("newer than this program"), "{refused}");
    assert!(database.migrate(NOW).await.is_err());
}

#[tokio::test]
async fn a_database_with_an_unknown_older_migration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (database, connection) = newer(&folder, "").await;
    connection.execute("UPDATE schema_migrations SET version = 0 WHERE version = 9999", []).unwrap();
    let refused = database.pending_migrations().await.unwrap_err();
    assert!(refused.to_string().contains("unknown to this program"), "{refused}");
}

#[tokio::test]
async fn the_database_returns_its_current_time() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = TestDatabase::create().await;
    let on_server = postgres::open(&fresh).await.time().await.unwrap();
    let on_file = sqlite(&folder.path().join("novantra.db")).await.time().await.unwrap();
    let difference = on_server.since(on_file).max(on_file.since(on_server));
    assert!(on_server > NOW && difference < std::time::Duration::from_secs(60));
}

#[tokio::test]
async fn a_database_whose_migration_has_another_checksum_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let database = sqlite(&path).await;
    database.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 1", []).unwrap();
    let refused = database.pending_migrations().await.unwrap_err();
    assert!(refused.to_string().contains("differ from"), "{refused}");
}

/// Reverts the schema to the one before migration 7, with a sealed entry and an unsealed one.
const BEFORE_SEALS: &str = "
    DROP VIEW audit_log;
    DROP TABLE audit_seals;
    DROP TABLE audit_waiting;
    ALTER TABLE audit_entries ADD COLUMN sequence integer;
    ALTER TABLE audit_entries ADD COLUMN previous_hash text;
    ALTER TABLE audit_entries ADD COLUMN hash text;
    CREATE UNIQUE INDEX audit_entries_sequence ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
    CREATE INDEX audit_entries_waiting ON audit_entries (organization_id, id) WHERE sequence IS NULL;
    DELETE FROM schema_migrations WHERE version = 7;
    INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_name, action, changes, request_id,
        sequence, previous_hash, hash)
    VALUES ('o', 'sealed', 1, 'system', 'n', 'a', '[]', 'r', 7, 'before', 'after'),
        ('o', 'waiting', 2, 'system', 'n', 'a', '[]', 'r', NULL, NULL, NULL)";

/// The log after migration 7: entry and its seal.
const LOG: &str = "SELECT id, coalesce(seal, 'none') FROM audit_log ORDER BY id";

#[tokio::test]
async fn the_seals_migration_keeps_the_seals_of_existing_entries() {
    let expected =
        [("sealed", "7 before after"), ("waiting", "none")].map(|(id, seal)| (id.to_owned(), seal.to_owned()));
    let unsealed = "SELECT id FROM audit_waiting";

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch(BEFORE_SEALS).unwrap();
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let mut statement = connection.prepare(LOG).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(rows.map(Result::unwrap).collect::<Vec<(String, String)>>(), expected);
    assert_eq!(connection.query_row(unsealed, [], |row| row.get::<_, String>(0)).unwrap(), "waiting");

    let fresh = postgres::create().await;
    let client = fresh.connect().await;
    client.batch_execute(BEFORE_SEALS).await.unwrap();
    Database::open(&fresh.url().parse().unwrap()).await.unwrap().migrate(NOW).await.unwrap();
    let rows = client.query(LOG, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, String)>>(), expected);
    assert_eq!(client.query_one(unsealed, &[]).await.unwrap().get::<_, String>(0), "waiting");
}

/// The deliveries after migration 8, with the columns whose order it could have mixed up.
const DELIVERIES: &str = "
    SELECT organization_id || ' ' || subscription_id || ' ' || id || ' ' || event_id || ' ' || event_type || ' ' || subject_id
            || ' ' || state || ' ' || attempts,
        revision, created_at, updated_at, subject_revision, failed, coalesce(next_attempt_at, -1)
    FROM webhook_deliveries ORDER BY organization_id, subscription_id, id";

/// Returns the statements that revert the schema to the one before migration 8, with deliveries to two subscriptions.
/// `webhooks` is the migration that created the table.
fn before_delivery_key(webhooks: &str) -> String {
    let from = webhooks.find("CREATE TABLE webhook_deliveries").unwrap();
    let to = webhooks.find("-- Who sends to which subscription").unwrap();
    format!(
        "DROP TABLE webhook_deliveries; {}
        DELETE FROM schema_migrations WHERE version = 8;
        UPDATE installation SET value = '7' WHERE key = 'oldest_schema';
        INSERT INTO webhook_deliveries (organization_id, id, revision, created_at, updated_at, subscription_id, event_id,
            event_type, subject_id, subject_revision, state, failed, next_attempt_at, attempts)
        VALUES ('o', 'd-1', 1, 2, 3, 's-2', 'e-1', 'finding.created', 'f', 4, 'pending', 0, 5, '[]'),
            ('o', 'd-2', 6, 7, 8, 's-1', 'e-1', 'finding.created', 'f', 4, 'exhausted', 10, NULL, '[{{}}]')",
        &webhooks[from..to]
    )
}

type Delivery = (String, [i64; 6]);

#[tokio::test]
async fn the_delivery_key_migration_keeps_existing_deliveries() {
    let expected: [Delivery; 2] = [
        ("o s-1 d-2 e-1 finding.created f exhausted [{}]".to_owned(), [6, 7, 8, 4, 10, -1]),
        ("o s-2 d-1 e-1 finding.created f pending []".to_owned(), [1, 2, 3, 4, 0, 5]),
    ];
    let oldest = "SELECT value FROM installation WHERE key = 'oldest_schema'";

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    let schema = || -> BTreeSet<(String, String)> {
        let text = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE tbl_name = 'webhook_deliveries' \
                    UNION ALL SELECT idx, stat FROM sqlite_stat1 WHERE tbl = 'webhook_deliveries'";
        let mut statement = connection.prepare(text).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let expected_schema = schema();
    let webhooks = include_str!("../../../../migrations/sqlite/0006_webhooks.sql");
    connection.execute_batch(&before_delivery_key(webhooks)).unwrap();
    sqlite(&path).await.migrate(NOW).await.unwrap();
    let mut statement = connection.prepare(DELIVERIES).unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let number = |index| row.get(index);
        Ok((row.get(0)?, [number(1)?, number(2)?, number(3)?, number(4)?, number(5)?, number(6)?]))
    };
    let rows = statement.query_map([], read).unwrap();
    assert_eq!(rows.map(Result::unwrap).collect::<Vec<Delivery>>(), expected);
    assert_eq!(schema(), expected_schema);
    assert_eq!(connection.query_row(oldest, [], |row| row.get::<_, String>(0)).unwrap(), "8");

    let fresh = postgres::create().await;
    let client = fresh.connect().await;
    let indexes = async || -> BTreeSet<String> {
        let text =
            "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'webhook_deliveries'";
        client.query(text, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let expected_schema = indexes().await;
    assert_eq!(expected_schema.len(), 3);
    let webhooks = include_str!("../../../../migrations/postgres/0006_webhooks.sql");
    client.batch_execute(&before_delivery_key(webhooks)).await.unwrap();
    Database::open(&fresh.url().parse().unwrap()).await.unwrap().migrate(NOW).await.unwrap();
    let rows = client.query(DELIVERIES, &[]).await.unwrap();
    let read = |row: &tokio_postgres::Row| (row.get(0), [1, 2, 3, 4, 5, 6].map(|index| row.get(index)));
    assert_eq!(rows.iter().map(read).collect::<Vec<Delivery>>(), expected);
    assert_eq!(indexes().await, expected_schema);
    assert_eq!(client.query_one(oldest, &[]).await.unwrap().get::<_, String>(0), "8");
}

#[tokio::test]
async fn a_database_from_before_evidence_names_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("novantra.db"));
    // Databases without any table.
    let fresh = TestDatabase::create().await;
    for url in [url, fresh.url().parse().unwrap()] {
        let database = Database::open(&url).await.unwrap();
        let mut keys = Vec::new();
        database.for_each_object_key(|key| keys.push(key.to_owned())).await.unwrap();
        assert_eq!(keys, [""; 0]);
        database.close().await;
    }
}
