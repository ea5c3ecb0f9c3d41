//! The contract suite of shared buckets, for the buckets in Redis.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use novantra_limits_redis::{RedisBuckets, RedisUrl};
use store_contract::OpenedBuckets;

static OPENED: AtomicU32 = AtomicU32::new(0);

async fn open() -> OpenedBuckets {
    let url = std::env::var("NOVANTRA_TEST_REDIS_URL")
        .expect("NOVANTRA_TEST_REDIS_URL is not set: run the tests by `cargo xtask test`, which starts a Redis");
    let url: RedisUrl = url.parse().unwrap();
    // The operating system reuses process ids, and a Redis that keeps running may have keys of an earlier test run.
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("{}:{}:{}", folder.path().display(), process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
    OpenedBuckets::new(Arc::new(RedisBuckets::open(&url, &prefix).unwrap())).with_guard(folder)
}

store_contract::shared_buckets_suite!(open);
