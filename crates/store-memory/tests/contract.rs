//! The contract suite of stores, run against the in-memory store.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_memory::MemoryStore;
use store_contract::OpenedStore;

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let store = Arc::new(MemoryStore::new(clock));
    OpenedStore::new(store.clone()).with_old_entries(store)
}

store_contract::contract_suite!(open);
