//! The reference implementation of shared buckets.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, Exchange, ExchangeResult, SharedBuckets};

/// Buckets in memory, shared by the servers of one test.
#[derive(Default)]
pub struct MemoryBuckets(Mutex<HashMap<BucketKey, ArrivalTime>>);

impl MemoryBuckets {
    fn lock(&self) -> MutexGuard<'_, HashMap<BucketKey, ArrivalTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SharedBuckets for MemoryBuckets {
    async fn exchange(&self, takes: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        let mut buckets = self.lock();
        let exchange = |take: &Exchange| {
            let bucket = buckets.entry(take.key).or_insert(ArrivalTime::FULL);
            let result = take.apply(*bucket, now);
            *bucket = result.bucket;
            result
        };
        Ok(takes.iter().map(exchange).collect())
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut buckets = self.lock();
        let full: Vec<BucketKey> =
            buckets.iter().filter(|(_, bucket)| bucket.is_full(now)).map(|(key, _)| *key).take(limit).collect();
        for key in &full {
            buckets.remove(key);
        }
        Ok(full.len() as u64)
    }
}
