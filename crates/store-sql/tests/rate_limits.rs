//! The rate-limit buckets on PostgreSQL pass the contract suite of shared buckets.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Role, SqlStore};
use store_contract::{OpenedBuckets, TestClock};
use ulid::Ulid;

#[path = "support/postgres.rs"]
mod postgres;

async fn open() -> OpenedBuckets {
    let fresh = postgres::TestDatabase::create().await;
    let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
    let store = SqlStore::open(fresh.open().await, Role::Server, clock, Ulid::from_parts(0, 1)).await.unwrap();
    let buckets = store.shared_buckets().unwrap();
    OpenedBuckets::new(Arc::new(buckets)).with_guard((store, fresh))
}

store_contract::shared_buckets_suite!(open);
