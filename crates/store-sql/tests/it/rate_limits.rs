//! The rate-limit buckets on PostgreSQL pass the contract suite of shared buckets.

use std::sync::Arc;

use kernel::Clock;
use postgres_cluster::TestDatabase;
use store_contract::{OpenedBuckets, TestClock};

use crate::support::postgres;

async fn open() -> OpenedBuckets {
    let fresh = TestDatabase::create().await;
    let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
    let store = postgres::server(&fresh, clock).await;
    let buckets = store.shared_buckets().unwrap();
    OpenedBuckets::new(Arc::new(buckets)).with_guard((store, fresh))
}

store_contract::shared_buckets_suite!(open);
