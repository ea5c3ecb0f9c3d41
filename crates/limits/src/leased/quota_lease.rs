//! The lease of one server on one shared bucket.

use kernel::Timestamp;

use crate::{
    bucket::BucketKey,
    quota::{ArrivalTime, Quota},
    shared::{Take, Taken},
};

/// The time after which unused calls are returned and the known state of a bucket is stale. It bounds the error: the
/// calls allowed in a period were taken from the shared bucket in that period or at most this long before.
const HELD_MILLIS: i64 = 1000;

/// The time for which a server takes calls in advance, at the rate of its own calls, so that most leases are used up
/// before they are stale.
const AHEAD_MILLIS: i64 = 500;

/// A lease is limited to this fraction of the remaining calls (1/50), so that the last calls are taken one by one by
/// the servers that need them.
const OF_WHAT_IS_LEFT: u32 = 50;

/// A lease may always have this fraction of the quota (1/1000), so that a bucket that is always nearly empty does not
/// require an exchange for every call.
const OF_THE_QUOTA: u32 = 1000;

/// Calls that were taken from a shared bucket and not used yet, and the known state of the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    quota: Quota,
    /// The state of the bucket, as if the unused calls were still in it.
    bucket: ArrivalTime,
    held: u32,
    /// The time of the last exchange.
    asked_at: Option<Timestamp>,
    /// The number of calls wanted in the last exchange.
    wanted: u32,
    /// The number of calls used since the last exchange.
    spent: u32,
}

impl Slice {
    pub(super) fn of(quota: Quota) -> Self {
        Self { quota, bucket: ArrivalTime::FULL, held: 0, asked_at: None, wanted: 0, spent: 0 }
    }

    /// Resets the lease if the quota has changed.
    pub(super) fn under(&mut self, quota: Quota) {
        if self.quota != quota {
            *self = Self::of(quota);
        }
    }

    /// The known state of the bucket.
    pub(super) fn bucket(&self) -> ArrivalTime {
        self.bucket
    }

    /// Returns whether the bucket is empty by a state that is recent enough to refuse a call.
    pub(super) fn refuses(&self, now: Timestamp) -> bool {
        self.is_fresh(now) && self.was_empty(now)
    }

    /// Returns whether the bucket is empty by its last known state.
    pub(super) fn was_empty(&self, now: Timestamp) -> bool {
        self.held == 0 && self.quota.charge(self.bucket, now).is_err()
    }

    /// Returns whether the lease has a call to use.
    pub(super) fn has_call(&self, now: Timestamp) -> bool {
        self.held > 0 && self.is_fresh(now)
    }

    /// Uses one call of the lease.
    pub(super) fn spend(&mut self, now: Timestamp) {
        self.held -= 1;
        self.spent = self.spent.saturating_add(1);
        self.bucket = self.quota.spend(self.bucket, now);
    }

    /// Creates an exchange that returns the unused calls and takes more, at least `waiting` calls.
    pub(super) fn exchange(&mut self, key: BucketKey, waiting: u32, now: Timestamp) -> Take {
        let wanted = self.ahead(now).max(waiting);
        let exchange = Take { wanted, ..self.give_back(key, now) };
        self.wanted = wanted;
        exchange
    }

    /// Creates an exchange that returns the unused calls.
    pub(super) fn give_back(&mut self, key: BucketKey, now: Timestamp) -> Take {
        let span = self.quota.span();
        let at_least = self.bucket.later(span.saturating_mul(i64::from(self.held)));
        // Calls that have refilled in the meantime are in the bucket already.
        let missing = (at_least.missing(now) + span - 1) / span;
        let returned = self.held.min(u32::try_from(missing).unwrap_or(u32::MAX));
        self.held = 0;
        Take { key, quota: self.quota, at_least, returned, wanted: 0 }
    }

    /// Applies the result of an exchange.
    pub(super) fn receive(&mut self, result: Taken, now: Timestamp) {
        self.held = result.granted;
        self.bucket = result.bucket.later(-self.quota.span() * i64::from(result.granted));
        self.asked_at = Some(now);
        self.spent = 0;
    }

    /// Returns whether there are unused calls that must be returned, since they are stale.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.held > 0 && !self.is_fresh(now)
    }

    /// Returns whether there are unused calls and none was used since the last exchange.
    pub(super) fn is_untouched(&self) -> bool {
        self.held > 0 && self.spent == 0
    }

    /// Returns whether there are unused calls.
    pub(super) fn is_held(&self) -> bool {
        self.held > 0
    }

    /// Returns whether the lease can be removed without loss.
    pub(super) fn is_blank(&self, now: Timestamp) -> bool {
        self.held == 0 && !self.is_fresh(now) && self.bucket.is_full(now)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|last| (now.millis() - last.millis()).abs() < HELD_MILLIS)
    }

    /// Returns the number of calls to take: one, or more at the rate of the calls used since the last exchange.
    fn ahead(&self, now: Timestamp) -> u32 {
        let Some(last) = self.asked_at else { return 1 };
        let elapsed = (now.millis() - last.millis()).max(1);
        let predicted = i64::from(self.spent) * AHEAD_MILLIS / elapsed;
        let remaining = self.quota.remaining(self.bucket, now);
        let share = (remaining / OF_WHAT_IS_LEFT).max(self.quota.limit() / OF_THE_QUOTA);
        u32::try_from(predicted).unwrap_or(u32::MAX).min(share.min(self.wanted.saturating_mul(2))).max(1)
    }
}
