//! A new SQLite file for each test.

use std::{path::Path, sync::Arc};

use kernel::Clock;
use novantra_store_sql::{Database, DatabaseUrl, Role, SqlStore};
use ulid::Ulid;

use super::open_store;

pub(crate) async fn open(path: &Path) -> Database {
    let database = Database::open(&DatabaseUrl::Sqlite(path.to_owned())).await.unwrap();
    database.migrate(kernel::Timestamp::from_millis(0)).await.unwrap();
    database
}

pub(crate) async fn server(path: &Path, clock: Arc<dyn Clock>) -> SqlStore {
    open_store(open(path).await, Role::Server, clock, Ulid::from_parts(0, 1)).await
}
