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

/// A page that may look at three rows is mostly short, and every walk finds the same all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_pages_leave_it_equal_to_the_reference() {
    async fn short_sighted(clock: Arc<dyn Clock>) -> Opened {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite::server(&folder.path().join("novantra.db"), clock).await;
        Opened::new(Arc::new(store.looking_at(3))).keeping(folder)
    }
    store_contract::any_sequence_of_commands_leaves_two_stores_equal(store_contract::reference, short_sighted).await;
}
