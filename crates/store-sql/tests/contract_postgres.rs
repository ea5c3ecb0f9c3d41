//! The store on PostgreSQL passes the contract suite of all stores.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Role, SqlStore};
use store_contract::OpenedStore;
use ulid::Ulid;

#[path = "support/postgres.rs"]
mod postgres;

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let fresh = postgres::TestDatabase::create().await;
    let store = SqlStore::open(fresh.open().await, Role::Server, clock, Ulid::from_parts(0, 1)).await.unwrap();
    OpenedStore::new(Arc::new(store)).with_guard(fresh)
}

store_contract::contract_suite!(open);
