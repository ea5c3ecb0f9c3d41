//! Buckets in the memory of one process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{
    bounded::Bounded,
    bucket::BucketKey,
    decision::{Decision, decide},
    quota::ArrivalTime,
    store::{Charge, LimitStore},
};

#[cfg(test)]
mod tests;

const SHARDS: usize = 16;

/// Keeps buckets in the memory of this process, which is bounded: it holds for one server, and is forgotten with it.
///
/// Strangers' buckets have room of their own, so filling it takes none from callers who proved who they are.
pub struct MemoryLimits {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

struct Shard {
    callers: Bounded,
    strangers: Bounded,
}

/// The shards that hold some buckets, locked in their order so that no two calls wait for each other.
struct Locked<'store> {
    store: &'store MemoryLimits,
    shards: Vec<(usize, MutexGuard<'store, Shard>)>,
}

impl MemoryLimits {
    /// Room for about so many callers' buckets and as many of strangers, in some 100 bytes each. It is taken as needed.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let share = capacity.div_ceil(SHARDS).max(1);
        let shard = || Mutex::new(Shard { callers: Bounded::new(share), strangers: Bounded::new(share) });
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| shard()) }
    }

    fn lock(&self, charges: &[Charge]) -> Locked<'_> {
        let mut places: Vec<usize> = charges.iter().map(|charge| self.place(&charge.key)).collect();
        places.sort_unstable();
        places.dedup();
        let lock = |place: usize| (place, self.shards[place].lock().unwrap_or_else(PoisonError::into_inner));
        Locked { store: self, shards: places.into_iter().map(lock).collect() }
    }

    fn place(&self, key: &BucketKey) -> usize {
        // The modulus is far below any usize.
        (self.hasher.hash_one(key) % SHARDS as u64) as usize
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl Locked<'_> {
    fn room(&mut self, key: &BucketKey) -> Option<&mut Bounded> {
        let place = self.store.place(key);
        let (_, shard) = self.shards.iter_mut().find(|(locked, _)| *locked == place)?;
        Some(if key.is_strangers() { &mut shard.strangers } else { &mut shard.callers })
    }

    fn read(&mut self, charges: &[Charge], now: Timestamp) -> Vec<(Charge, ArrivalTime)> {
        let mut bucket = |key| self.room(key).map_or(ArrivalTime::FULL, |room| room.get(key, now));
        charges.iter().map(|charge| (*charge, bucket(&charge.key))).collect()
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
                if let Some(room) = locked.room(&charge.key) {
                    room.set(&charge.key, *bucket);
                }
            }
        }
        Ok(decision)
    }
}
