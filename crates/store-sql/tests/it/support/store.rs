//! Stores with the key that authenticates their rows of audit entries.

use std::sync::Arc;

use audit::{HasAuditTables as _, RowKey};
use kernel::Clock;
use novantra_store_sql::{Database, Role, SqlStore};
use sha2::{Digest as _, Sha256};
use ulid::Ulid;

/// The key of all stores.
pub(crate) struct TestRowKey;

impl RowKey for TestRowKey {
    fn tag(&self, message: &[u8]) -> [u8; 32] {
        Sha256::digest([b"test key".as_slice(), message].concat()).into()
    }

    fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        self.tag(message) == tag
    }
}

pub(crate) async fn open_store(database: Database, role: Role, clock: Arc<dyn Clock>, process: Ulid) -> SqlStore {
    let store = SqlStore::open(database, role, clock, process).await.unwrap();
    store.authenticate_rows(Arc::new(TestRowKey));
    store
}
