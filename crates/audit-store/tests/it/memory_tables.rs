//! The tables that the tests of this crate run on.

use std::sync::Arc;

use audit::HasAuditTables;
use kernel::OrganizationId;
use store_contract::TestClock;
use store_memory::MemoryStore;

#[tokio::test]
async fn a_new_store_has_no_log() {
    let store = MemoryStore::new(Arc::new(TestClock::default()));
    let tables = store.audit_tables();
    let recent = tables.recent(OrganizationId::INSTALLATION).await.unwrap();
    assert_eq!((recent.waiting.len(), recent.runs.len(), recent.head), (0, 0, None));
    assert_eq!(tables.organizations().await.unwrap(), Vec::new());
}
