//! Runs the suite of shared buckets against the reference implementation in memory.

use std::sync::Arc;

use novantra_store_contract::{self as store_contract, MemoryBuckets, OpenedBuckets};

async fn open() -> OpenedBuckets {
    OpenedBuckets::new(Arc::new(MemoryBuckets::default()))
}

store_contract::shared_buckets_suite!(open);
