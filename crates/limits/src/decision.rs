//! Deciding over several buckets at once.

use std::{cmp::Reverse, time::Duration};

use kernel::Timestamp;

use crate::{bucket::Bucket, quota::ArrivalTime, store::Charge};

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which sort of bucket it is.
    pub bucket: Bucket,
    /// How many calls it holds when full, which is how many refill each minute.
    pub limit: u32,
    /// How many calls it holds.
    pub remaining: u32,
    /// When it will be full if nothing more is taken; whole seconds, rounded up.
    pub reset_at: Timestamp,
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every bucket was charged.
    Allowed {
        /// The bucket nearest to empty: the one that holds the fewest calls. `None` when no bucket was asked.
        nearest: Option<Standing>,
    },
    /// No bucket was charged.
    Refused {
        /// How long until all of them would let a call through: whole seconds, at least 1.
        retry_after: Duration,
        /// The bucket that asks for the longest wait.
        emptiest: Standing,
    },
}

impl Decision {
    /// The standing a caller is told.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        match *self {
            Self::Allowed { nearest } => nearest,
            Self::Refused { emptiest, .. } => Some(emptiest),
        }
    }
}

/// Charges all of these buckets or none: every store's answer is made here. `buckets` are read and, when the charge is
/// allowed, written.
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

/// What is said when one of these buckets holds no call.
pub(crate) fn refusal(buckets: &[(Charge, ArrivalTime)], now: Timestamp) -> Option<Decision> {
    let waits = buckets.iter().filter_map(|(charge, bucket)| {
        let wait = charge.quota.charge(*bucket, now).err()?;
        Some((wait, standing(charge, *bucket, now)))
    });
    let (wait, emptiest) = waits.max_by_key(|(wait, _)| *wait)?;
    let retry_after = Duration::from_secs(wait.as_micros().div_ceil(1_000_000).max(1).try_into().unwrap_or(u64::MAX));
    Some(Decision::Refused { retry_after, emptiest })
}

pub(crate) fn nearest(buckets: &[(Charge, ArrivalTime)], now: Timestamp) -> Option<Standing> {
    let standings = buckets.iter().map(|(charge, bucket)| standing(charge, *bucket, now));
    standings.min_by_key(|standing| (standing.remaining, Reverse(standing.reset_at)))
}

fn standing(charge: &Charge, bucket: ArrivalTime, now: Timestamp) -> Standing {
    let quota = charge.quota;
    Standing {
        bucket: charge.key.bucket(),
        limit: quota.limit(),
        remaining: quota.remaining(bucket, now),
        reset_at: quota.full_at(bucket, now),
    }
}
