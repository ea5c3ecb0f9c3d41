//! Stores with the key that authenticates their rows of audit entries.

use std::sync::Arc;

use audit::HasAuditTables as _;
use kernel::Clock;
use novantra_store_sql::{Database, Role, SqlStore};
use store_contract::TestLogKey;
use ulid::Ulid;

/// Opens a store, whose key is that of [`store_contract::Fixture`].
pub(crate) async fn open_store(database: Database, role: Role, clock: Arc<dyn Clock>, process: Ulid) -> SqlStore {
    let store = SqlStore::open(database, role, clock, process).await.unwrap();
    store.authenticate_rows(Arc::new(TestLogKey::DEFAULT));
    store
}
