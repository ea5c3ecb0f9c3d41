//! What one server holds of one shared bucket.

use kernel::Timestamp;

use crate::{
    bucket::BucketKey,
    quota::{ArrivalTime, Quota},
    shared::{Take, Taken},
};

/// How long calls are held that nobody makes, and what is known of a bucket is believed. It bounds the error: what is let
/// through in some time was taken out of the shared bucket in that time or at most so long before.
const HELD_MILLIS: i64 = 1000;

/// A server takes for so long ahead, at the pace of its own calls, so that most slices are used up before they are stale.
const AHEAD_MILLIS: i64 = 500;

/// The most it takes ahead: this part of what the bucket holds, so that the last calls go one by one to whoever makes them.
const OF_WHAT_IS_LEFT: u32 = 50;

/// But it may take this part of the quota, so that a bucket that is always near empty is not asked for every call.
const OF_THE_QUOTA: u32 = 1000;

/// Calls taken out of a shared bucket that were not made yet, and what is known of the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    quota: Quota,
    /// How the bucket stands, reckoned as if what is held were still in it.
    bucket: ArrivalTime,
    held: u32,
    /// When the bucket was last asked.
    asked_at: Option<Timestamp>,
    /// How many calls were wanted then.
    wanted: u32,
    /// How many were made since.
    spent: u32,
}

impl Slice {
    pub(super) fn of(quota: Quota) -> Self {
        Self { quota, bucket: ArrivalTime::FULL, held: 0, asked_at: None, wanted: 0, spent: 0 }
    }

    /// Begins anew where the quota is another than it was.
    pub(super) fn under(&mut self, quota: Quota) {
        if self.quota != quota {
            *self = Self::of(quota);
        }
    }

    /// How the bucket stands, as far as is known.
    pub(super) fn bucket(&self) -> ArrivalTime {
        self.bucket
    }

    /// Whether it is known well enough that the bucket holds no call.
    pub(super) fn refuses(&self, now: Timestamp) -> bool {
        self.is_fresh(now) && self.was_empty(now)
    }

    /// Whether, by what was known of it last, the bucket holds no call.
    pub(super) fn was_empty(&self, now: Timestamp) -> bool {
        self.held == 0 && self.quota.charge(self.bucket, now).is_err()
    }

    /// Whether a call can be made of what is held.
    pub(super) fn has_call(&self, now: Timestamp) -> bool {
        self.held > 0 && self.is_fresh(now)
    }

    /// Makes a call of what is held.
    pub(super) fn spend(&mut self, now: Timestamp) {
        self.held -= 1;
        self.spent = self.spent.saturating_add(1);
        self.bucket = self.quota.spend(self.bucket, now);
    }

    /// Lets go of what is held and asks for more, for `waiting` calls at least.
    pub(super) fn exchange(&mut self, key: BucketKey, waiting: u32, now: Timestamp) -> Take {
        let wanted = self.ahead(now).max(waiting);
        let take = Take { wanted, ..self.give_back(key, now) };
        self.wanted = wanted;
        take
    }

    /// Lets go of what is held.
    pub(super) fn give_back(&mut self, key: BucketKey, now: Timestamp) -> Take {
        let span = self.quota.span();
        let at_least = self.bucket.later(span.saturating_mul(i64::from(self.held)));
        // What has refilled meanwhile is in the bucket already.
        let missing = (at_least.missing(now) + span - 1) / span;
        let returned = self.held.min(u32::try_from(missing).unwrap_or(u32::MAX));
        self.held = 0;
        Take { key, quota: self.quota, at_least, returned, wanted: 0 }
    }

    /// Takes in what the bucket gave.
    pub(super) fn receive(&mut self, taken: Taken, now: Timestamp) {
        self.held = taken.granted;
        self.bucket = taken.bucket.later(-self.quota.span() * i64::from(taken.granted));
        self.asked_at = Some(now);
        self.spent = 0;
    }

    /// Whether something is held that is of no use here.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.held > 0 && !self.is_fresh(now)
    }

    /// Whether something is held of which nothing was used.
    pub(super) fn is_untouched(&self) -> bool {
        self.held > 0 && self.spent == 0
    }

    /// Whether something is held.
    pub(super) fn is_held(&self) -> bool {
        self.held > 0
    }

    /// Whether it may be forgotten without a loss.
    pub(super) fn is_blank(&self, now: Timestamp) -> bool {
        self.held == 0 && !self.is_fresh(now) && self.bucket.is_full(now)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|asked| (now.millis() - asked.millis()).abs() < HELD_MILLIS)
    }

    /// How many calls to take: one, and more at the pace of those made since the bucket was last asked.
    fn ahead(&self, now: Timestamp) -> u32 {
        let Some(asked) = self.asked_at else { return 1 };
        let elapsed = (now.millis() - asked.millis()).max(1);
        let pace = i64::from(self.spent) * AHEAD_MILLIS / elapsed;
        let left = self.quota.remaining(self.bucket, now);
        let most = (left / OF_WHAT_IS_LEFT).max(self.quota.limit() / OF_THE_QUOTA).min(self.wanted.saturating_mul(2));
        u32::try_from(pace).unwrap_or(u32::MAX).min(most).max(1)
    }
}
