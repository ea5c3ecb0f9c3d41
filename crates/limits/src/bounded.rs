//! A collection of buckets with bounded memory.

use std::collections::HashMap;

use kernel::Timestamp;

use crate::{
    bucket::{Bucket, BucketKey},
    charge::Charge,
    quota::ArrivalTime,
};

/// The minimum interval between sweeps, so that a caller that fills the collection can't make every call pay for one.
const SWEEP_INTERVAL_MILLIS: i64 = 1000;

/// An upper bound of the time in which a bucket refills, which is a minute and what the rounding of the interval between
/// calls adds.
const MAX_REFILL_MICROS: i64 = 120_000_000;

/// A collection of at most `capacity` buckets. Full buckets are evicted if capacity is needed, since they equal new
/// ones. If there are no full buckets to evict, new keys share one overflow bucket per kind.
pub(crate) struct BoundedBuckets {
    capacity: usize,
    buckets: HashMap<BucketKey, ArrivalTime>,
    overflow: [ArrivalTime; Bucket::ALL.len()],
    swept_at: Option<Timestamp>,
}

impl BoundedBuckets {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, buckets: HashMap::new(), overflow: [ArrivalTime::FULL; Bucket::ALL.len()], swept_at: None }
    }

    /// Returns the state of the bucket of a charge. A bucket that is emptier than empty, since the clock was set back,
    /// becomes an empty one.
    pub(crate) fn get(&mut self, Charge { key, quota }: &Charge, now: Timestamp) -> ArrivalTime {
        let bucket = if let Some(bucket) = self.buckets.get_mut(key) {
            bucket
        } else if self.has_capacity(now) {
            return ArrivalTime::FULL;
        } else {
            &mut self.overflow[key.bucket() as usize]
        };
        *bucket = bucket.at_most(quota.empty_at(now));
        *bucket
    }

    /// Stores the new state of a bucket that [`Self::get`] returned at the same time.
    pub(crate) fn set(&mut self, key: &BucketKey, bucket: ArrivalTime) {
        if self.buckets.len() < self.capacity || self.buckets.contains_key(key) {
            self.buckets.insert(*key, bucket);
        } else {
            // Two new keys of one call may both have been counted on the last free slot: this must not refill the
            // overflow bucket.
            let shared = &mut self.overflow[key.bucket() as usize];
            *shared = bucket.max(*shared);
        }
    }

    fn has_capacity(&mut self, now: Timestamp) -> bool {
        if self.buckets.len() < self.capacity {
            return true;
        }
        let due = self.swept_at.is_none_or(|last| (now.millis() - last.millis()).abs() >= SWEEP_INTERVAL_MILLIS);
        if due {
            self.swept_at = Some(now);
            // Buckets of a time that the clock no longer shows would never be full.
            let latest = ArrivalTime::FULL.at_least(now).plus(MAX_REFILL_MICROS);
            self.buckets.retain(|_, bucket| {
                *bucket = bucket.at_most(latest);
                !bucket.is_full(now)
            });
            self.buckets.shrink_to(self.buckets.len() * 2);
        }
        self.buckets.len() < self.capacity
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;
    use crate::quota::Quota;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn charge(key: BucketKey) -> Charge {
        Charge { key, quota: Quota::per_minute(60) }
    }

    fn pass(buckets: &mut BoundedBuckets, account: u128, now: Timestamp) -> bool {
        let charge = charge(BucketKey::TokenIssue(Id::new(Ulid::nil()), Ulid::from(account)));
        let charged = charge.quota.charge(buckets.get(&charge, now), now);
        if let Ok(bucket) = charged {
            buckets.set(&charge.key, bucket);
        }
        charged.is_ok()
    }

    /// Makes calls of the account until one is refused.
    fn drain(buckets: &mut BoundedBuckets, account: u128) {
        assert!((0..1000).any(|_| !pass(buckets, account, at(0))), "a thousand calls passed");
    }

    #[test]
    fn memory_is_bounded_and_new_keys_beyond_the_capacity_share_a_bucket() {
        let mut buckets = BoundedBuckets::new(10);
        let passed = (0..1000).filter(|account| pass(&mut buckets, *account, at(0))).count();
        assert_eq!(passed, 10 + 60, "ten accounts have their own buckets, the others share one of 60 calls");
        assert_eq!(buckets.buckets.len(), 10);
        assert!(pass(&mut buckets, 3, at(0)), "an account with its own bucket keeps it");
    }

    #[test]
    fn buckets_that_are_full_again_are_evicted() {
        let mut buckets = BoundedBuckets::new(10);
        (0..100).for_each(|account| {
            pass(&mut buckets, account, at(0));
        });
        assert!(pass(&mut buckets, 200, at(1000)));
        assert_eq!(buckets.buckets.len(), 1, "one call of sixty a minute refills in a second");
    }

    #[test]
    fn an_empty_bucket_is_never_evicted() {
        let mut buckets = BoundedBuckets::new(2);
        drain(&mut buckets, 1);
        for account in 2..500 {
            pass(&mut buckets, account, at(900));
        }
        assert!(!pass(&mut buckets, 1, at(900)));
    }

    #[test]
    fn a_full_collection_is_swept_at_most_once_a_second() {
        let mut buckets = BoundedBuckets::new(1);
        pass(&mut buckets, 1, at(0));
        assert!(!buckets.has_capacity(at(500)), "the only bucket is not full yet");
        assert!(!buckets.has_capacity(at(1499)), "the bucket is full again, but the last sweep was at 500");
        assert!(buckets.has_capacity(at(1500)));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_the_sweeps() {
        let mut buckets = BoundedBuckets::new(1);
        pass(&mut buckets, 1, at(10_000));
        for (now, swept_at) in [(10_000, 10_000), (9001, 10_000), (9000, 9000)] {
            buckets.has_capacity(at(now));
            assert_eq!(buckets.swept_at, Some(at(swept_at)));
        }
    }

    #[test]
    fn after_a_clock_has_stepped_back_every_bucket_refills_from_then_on_also_the_shared_one() {
        let hour = 3_600_000;
        let mut buckets = BoundedBuckets::new(1);
        for account in [1, 2] {
            (0..60).for_each(|_| assert!(pass(&mut buckets, account, at(2 * hour))));
        }
        for account in [1, 2, 3] {
            assert!(!pass(&mut buckets, account, at(hour)), "an empty bucket is not refilled by the step itself");
        }
        for account in [1, 2] {
            (0..5).for_each(|_| assert!(pass(&mut buckets, account, at(hour + 5_000)), "account {account}"));
            assert!(!pass(&mut buckets, account, at(hour + 5_000)));
        }
        assert!(pass(&mut buckets, 4, at(hour + 180_000)), "the bucket of account 1 is full again and is evicted");
        assert!(buckets.buckets.contains_key(&BucketKey::TokenIssue(Id::new(Ulid::nil()), Ulid(4))));
    }

    #[test]
    fn two_new_buckets_on_the_last_free_slot_do_not_refill_the_overflow_bucket() {
        let mut buckets = BoundedBuckets::new(1);
        pass(&mut buckets, 1, at(0));
        drain(&mut buckets, 2);
        let charges = [3, 4].map(|account| charge(BucketKey::TokenIssue(Id::new(Ulid::nil()), Ulid(account))));
        let now = at(1000);
        for charge in &charges {
            assert_eq!(buckets.get(charge, now), ArrivalTime::FULL, "the bucket of account 1 is full again");
        }
        for charge in &charges {
            buckets.set(&charge.key, ArrivalTime(2_000_000));
        }
        assert_eq!(buckets.get(&charges[0], now), ArrivalTime(2_000_000));
        assert_eq!(buckets.get(&charges[1], now), ArrivalTime(60_000_000), "the overflow bucket is as empty as before");
    }

    #[test]
    fn each_kind_of_bucket_overflows_into_a_bucket_of_its_own() {
        let mut buckets = BoundedBuckets::new(1);
        pass(&mut buckets, 1, at(0));
        drain(&mut buckets, 2);
        let other_kind = charge(BucketKey::TokenRead(Id::new(Ulid::nil()), Ulid(3)));
        assert_eq!(buckets.get(&other_kind, at(0)), ArrivalTime::FULL);
    }
}
