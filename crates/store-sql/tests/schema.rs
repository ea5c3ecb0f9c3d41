//! The schema: the same on both engines, brought up by whoever comes first, and refused where it is not this program's.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use kernel::{StoreError, Timestamp};
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgConnectOptions};
use ulid::Ulid;

#[path = "support/postgres.rs"]
mod postgres;

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

/// Table, column, and whether it may be empty.
type Columns = BTreeSet<(String, String, bool)>;

fn of_sqlite(path: &std::path::Path) -> Columns {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.name, c.name, c.\"notnull\" = 0 AND c.pk = 0 FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

async fn of_postgres(options: &PgConnectOptions) -> Columns {
    let mut connection = PgConnection::connect_with(options).await.unwrap();
    let query = "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns \
                 WHERE table_schema = current_schema()";
    let rows = sqlx::query(query).fetch_all(&mut connection).await.unwrap();
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
    let fresh = postgres::Fresh::make().await;
    fresh.open().await;
    let DatabaseUrl::Postgres(options) = fresh.url() else { unreachable!("the url is PostgreSQL's") };
    let (one, other) = (of_sqlite(&path), of_postgres(&options).await);
    assert_eq!(one.difference(&other).collect::<Vec<_>>(), Vec::<&(String, String, bool)>::new(), "on SQLite alone");
    assert_eq!(
        other.difference(&one).collect::<Vec<_>>(),
        Vec::<&(String, String, bool)>::new(),
        "on PostgreSQL alone"
    );
}

#[tokio::test]
async fn a_store_over_a_database_that_lacks_migrations_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(&folder.path().join("novantra.db")).await;
    assert_eq!(database.pending_migrations().await.unwrap().first().map(|first| first.version), Some(1));
    let clock = std::sync::Arc::new(store_contract::TestClock::default());
    let refused = SqlStore::over(database, Role::Server, clock, Ulid::nil()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_may_migrate_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = postgres::Fresh::make().await;
    for url in [DatabaseUrl::Sqlite(folder.path().join("novantra.db")), fresh.url()] {
        let mut migrating = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let url = url.clone();
            migrating.spawn(async move { Database::open(&url).await.unwrap().migrate(NOW).await.unwrap().len() });
        }
        let mut applied: Vec<usize> = migrating.join_all().await;
        applied.sort_unstable();
        assert_eq!(applied[..3], [0, 0, 0]);
        assert!(applied[3] > 0);
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let database = sqlite(&path).await;
    database.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', '', 0)", []).unwrap();
    let refused = database.pending_migrations().await.unwrap_err();
    assert!(refused.to_string().contains("newer than this program"), "{refused}");
    assert!(database.migrate(NOW).await.is_err());
}

#[tokio::test]
async fn a_migration_that_was_applied_with_other_statements_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let database = sqlite(&path).await;
    database.migrate(NOW).await.unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 1", []).unwrap();
    let refused = database.pending_migrations().await.unwrap_err();
    assert!(refused.to_string().contains("other statements"), "{refused}");
}
