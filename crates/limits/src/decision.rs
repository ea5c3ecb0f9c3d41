//! The decision whether a call is within the limits of several buckets.

use std::{cmp::Reverse, time::Duration};

use kernel::Timestamp;

use crate::{bucket::Bucket, charge::Charge, quota::ArrivalTime};

/// The state of a bucket, as response headers report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketState {
    /// The kind of the bucket.
    pub bucket: Bucket,
    /// The number of calls in the full bucket, which is also the number that refills per minute.
    pub limit: u32,
    /// The number of calls in the bucket.
    pub remaining: u32,
    /// The time at which the bucket will be full if no call is made; whole seconds, rounded up.
    pub reset_at: Timestamp,
}

/// The result of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every bucket was charged.
    Allowed {
        /// The bucket with the fewest calls left. `None` if the charge was for no bucket.
        nearest: Option<BucketState>,
    },
    /// No bucket was charged.
    Refused {
        /// The time until all buckets will allow a call: whole seconds, at least 1.
        retry_after: Duration,
        /// The bucket with the longest wait.
        emptiest: BucketState,
    },
}

impl Decision {
    /// The bucket state that is reported to the caller.
    #[must_use]
    pub fn bucket_state(&self) -> Option<BucketState> {
        match *self {
            Self::Allowed { nearest } => nearest,
            Self::Refused { emptiest, .. } => Some(emptiest),
        }
    }
}

/// Charges all of these buckets or none. Every store decides with this function. `buckets` are updated if the charge is
/// allowed.
#[must_use]
pub fn decide(buckets: &mut [(Charge, ArrivalTime)], now: Timestamp) -> Decision {
    if let Some(refused) = refusal(buckets, now) {
        return refused;
    }
    for (Charge { quota, .. }, bucket) in buckets.iter_mut() {
        *bucket = quota.charge(*bucket, now).unwrap_or(*bucket);
    }
    Decision::Allowed { nearest: nearest(buckets, now) }
}

/// Returns the refusal if one of the buckets has no call left.
pub(crate) fn refusal(buckets: &[(Charge, ArrivalTime)], now: Timestamp) -> Option<Decision> {
    let waits = buckets.iter().filter_map(|(charge, bucket)| {
        let wait = charge.quota.charge(*bucket, now).err()?;
        Some((wait, bucket_state(charge, *bucket, now)))
    });
    let (wait, emptiest) = waits.max_by_key(|(wait, _)| *wait)?;
    let retry_after = Duration::from_secs(wait.as_micros().div_ceil(1_000_000).max(1).try_into().unwrap_or(u64::MAX));
    Some(Decision::Refused { retry_after, emptiest })
}

pub(crate) fn nearest(buckets: &[(Charge, ArrivalTime)], now: Timestamp) -> Option<BucketState> {
    let states = buckets.iter().map(|(charge, bucket)| bucket_state(charge, *bucket, now));
    states.min_by_key(|state| (state.remaining, Reverse(state.reset_at)))
}

fn bucket_state(charge: &Charge, bucket: ArrivalTime, now: Timestamp) -> BucketState {
    let quota = charge.quota;
    BucketState {
        bucket: charge.key.bucket(),
        limit: quota.limit(),
        remaining: quota.remaining(bucket, now),
        reset_at: quota.full_at(bucket, now),
    }
}
