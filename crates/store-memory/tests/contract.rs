//! The contract suite of stores, run against the in-memory store.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_memory::MemoryStore;
use store_contract::OpenedStore;

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    OpenedStore::new(Arc::new(MemoryStore::new(clock)))
}

store_contract::contract_suite!(open);
