//! The store on SQLite passes the contract suite of all stores.

use std::sync::Arc;

use kernel::Clock;
use store_contract::OpenedStore;

use crate::support::{old_entries::SqliteFile, sqlite};

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("novantra.db");
    let store = sqlite::server(&path, clock).await;
    OpenedStore::new(Arc::new(store)).with_old_entries(Arc::new(SqliteFile(path))).with_guard(folder)
}

store_contract::contract_suite!(open);

#[tokio::test]
async fn a_page_of_large_records_ends_early() {
    store_contract::large_pages::a_page_of_large_records_ends_early(store_contract::Fixture::open(open).await).await;
}

/// With a scan limit of three rows most pages are short, and lists still return the same records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_short_pages_equals_the_reference() {
    async fn with_short_pages(clock: Arc<dyn Clock>) -> OpenedStore {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite::server(&folder.path().join("novantra.db"), clock).await;
        OpenedStore::new(Arc::new(store.with_scan_limit(3))).with_guard(folder)
    }
    store_contract::any_sequence_of_commands_leaves_two_stores_equal(store_contract::reference, with_short_pages).await;
}
