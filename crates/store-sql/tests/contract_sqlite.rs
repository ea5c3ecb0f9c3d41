//! The store keeps to the contract of all stores on SQLite.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use kernel::Clock;
use store_contract::Opened;

#[path = "support/sqlite.rs"]
mod sqlite;

async fn open(clock: Arc<dyn Clock>) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite::server(&folder.path().join("novantra.db"), clock).await;
    Opened::new(Arc::new(store)).keeping(folder)
}

store_contract::contract_suite!(open);
