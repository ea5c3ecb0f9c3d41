//! A new PostgreSQL database for each test.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Database, Role, SqlStore};
use postgres_cluster::TestDatabase;
use ulid::Ulid;

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

pub(crate) async fn server(fresh: &TestDatabase, clock: Arc<dyn Clock>) -> SqlStore {
    SqlStore::open(open(fresh).await, Role::Server, clock, Ulid::from_parts(0, 1)).await.unwrap()
}
