//! The rate-limit buckets on PostgreSQL pass the contract suite of shared buckets.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Database, Role, SqlStore};
use postgres_cluster::TestDatabase;
use store_contract::{OpenedBuckets, TestClock};
use ulid::Ulid;

use crate::support::{portable_statements::CheckedStatements, postgres};

async fn open() -> OpenedBuckets {
    let fresh = TestDatabase::create().await;
    let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
    postgres::open(&fresh).await.close().await;
    let statements = CheckedStatements::start(&fresh.url()).await;
    let database = Database::open(&statements.url().parse().unwrap()).await.unwrap();
    let store = SqlStore::open(database, Role::Server, clock, Ulid::from_parts(0, 1)).await.unwrap();
    let buckets = store.shared_buckets().unwrap();
    OpenedBuckets::new(Arc::new(buckets)).with_guard((store, statements, fresh))
}

store_contract::shared_buckets_suite!(open);
