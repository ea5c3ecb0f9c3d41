//! The rate limits of one process, in its memory.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{
    bounded::BoundedBuckets,
    bucket::BucketKey,
    charge::Charge,
    decision::{Decision, decide},
    quota::ArrivalTime,
    store::LimitStore,
};

#[cfg(test)]
mod tests;

const SHARDS: usize = 16;

/// Holds buckets in the memory of this process, with a bounded number of buckets. The limits apply to one server and
/// are lost when it stops.
///
/// The buckets of unauthenticated callers have their own capacity, so that those callers can't displace the buckets of
/// authenticated ones.
pub struct MemoryLimits {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    authenticated: BoundedBuckets,
    unauthenticated: BoundedBuckets,
}

/// The locked shards of the buckets of one call. Shards are locked in the order of their indexes, to prevent deadlocks.
struct LockedShards<'store> {
    store: &'store MemoryLimits,
    shards: Vec<(usize, MutexGuard<'store, Shard>)>,
}

impl MemoryLimits {
    /// Creates a store for about `capacity` buckets of authenticated callers and as many of unauthenticated ones, of
    /// about 100 bytes each. Memory is allocated as needed.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let share = capacity.div_ceil(SHARDS).max(1);
        let shard = || {
            Mutex::new(Shard { authenticated: BoundedBuckets::new(share), unauthenticated: BoundedBuckets::new(share) })
        };
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| shard()) }
    }

    fn lock(&self, charges: &[Charge]) -> LockedShards<'_> {
        let mut indexes: Vec<usize> = charges.iter().map(|charge| self.shard_index(&charge.key)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let lock = |index: usize| (index, self.shards[index].lock().unwrap_or_else(PoisonError::into_inner));
        LockedShards { store: self, shards: indexes.into_iter().map(lock).collect() }
    }

    fn shard_index(&self, key: &BucketKey) -> usize {
        // The remainder fits into any usize.
        (self.hasher.hash_one(key) % SHARDS as u64) as usize
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl LockedShards<'_> {
    fn buckets_for(&mut self, key: &BucketKey) -> Option<&mut BoundedBuckets> {
        let index = self.store.shard_index(key);
        let (_, shard) = self.shards.iter_mut().find(|(locked, _)| *locked == index)?;
        Some(if key.is_unauthenticated() { &mut shard.unauthenticated } else { &mut shard.authenticated })
    }

    fn read(&mut self, charges: &[Charge], now: Timestamp) -> Vec<(Charge, ArrivalTime)> {
        let mut bucket = |charge: &Charge| {
            self.buckets_for(&charge.key).map_or(ArrivalTime::FULL, |buckets| buckets.get(charge, now))
        };
        charges.iter().map(|charge| (*charge, bucket(charge))).collect()
    }
}

#[async_trait]
impl LimitStore for MemoryLimits {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let mut locked = self.lock(charges);
        let mut buckets = locked.read(charges, now);
        let decision = decide(&mut buckets, now);
        if let Decision::Allowed { .. } = decision {
            for (charge, bucket) in &buckets {
                if let Some(stored) = locked.buckets_for(&charge.key) {
                    stored.set(&charge.key, *bucket);
                }
            }
        }
        Ok(decision)
    }

    fn refund(&self, charges: &[Charge], now: Timestamp) {
        let mut locked = self.lock(charges);
        for (charge, bucket) in locked.read(charges, now) {
            if let Some(stored) = locked.buckets_for(&charge.key).filter(|_| !bucket.is_full(now)) {
                stored.set(&charge.key, charge.quota.refund(bucket));
            }
        }
    }
}
