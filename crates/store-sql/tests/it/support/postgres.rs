//! A new PostgreSQL database for each test.

use novantra_store_sql::Database;
use postgres_cluster::TestDatabase;

/// Opens the database, with the current schema.
pub(crate) async fn open(fresh: &TestDatabase) -> Database {
    let database = Database::open(&fresh.url().parse().unwrap()).await.unwrap();
    database.migrate(kernel::Timestamp::from_millis(0)).await.unwrap();
    database
}

/// Creates a database with the current schema.
pub(crate) async fn create() -> TestDatabase {
    let fresh = TestDatabase::create().await;
    open(&fresh).await.close().await;
    fresh
}
