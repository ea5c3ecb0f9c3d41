//! The lease of one server on one shared bucket.

use kernel::Timestamp;

use crate::{
    bucket::BucketKey,
    quota::{ArrivalTime, Quota},
    shared::{Exchange, ExchangeResult, MAX_CLOCK_SKEW},
};

#[cfg(test)]
mod tests;

/// The time after which unused calls are returned and the known state of a bucket is stale. It bounds the error: the
/// calls allowed in a period were taken from the shared bucket in that period or at most this long before.
const MAX_AGE_MILLIS: i64 = 1000;

/// The time for which a server takes calls in advance, at the rate of its own calls, so that most leases are used up
/// before they are stale.
const PREFETCH_MILLIS: i64 = 500;

/// A lease is limited to this fraction of the remaining calls (1/50), so that the last calls are taken one by one by
/// the servers that need them.
const REMAINING_DIVISOR: u32 = 50;

/// A lease may always have this fraction of the quota (1/1000), so that a bucket that is always nearly empty does not
/// require an exchange for every call.
const QUOTA_DIVISOR: u32 = 1000;

/// Calls that were taken from a shared bucket and not used yet, and the known state of the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct QuotaLease {
    quota: Quota,
    /// The state of the bucket, as if the unused calls were still in it.
    bucket: ArrivalTime,
    unused: u32,
    /// The time of the last exchange.
    exchanged_at: Option<Timestamp>,
    /// The number of calls wanted in the last exchange.
    wanted: u32,
    /// The number of calls used since the last exchange.
    used: u32,
}

impl QuotaLease {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, bucket: ArrivalTime::FULL, unused: 0, exchanged_at: None, wanted: 0, used: 0 }
    }

    /// Resets the lease if the quota has changed.
    pub(super) fn set_quota(&mut self, quota: Quota) {
        if self.quota != quota {
            *self = Self::new(quota);
        }
    }

    /// The known state of the bucket.
    pub(super) fn bucket(&self) -> ArrivalTime {
        self.bucket
    }

    /// Returns whether the bucket is empty by a state that is recent enough to refuse a call.
    pub(super) fn is_currently_empty(&self, now: Timestamp) -> bool {
        self.is_fresh(now) && self.was_empty(now)
    }

    /// Returns whether the bucket is empty by its last known state.
    pub(super) fn was_empty(&self, now: Timestamp) -> bool {
        self.unused == 0 && self.quota.charge(self.bucket, now).is_err()
    }

    /// Returns whether the lease has a call to use.
    pub(super) fn can_spend(&self, now: Timestamp) -> bool {
        self.unused > 0 && self.is_fresh(now)
    }

    /// Uses one call of the lease.
    pub(super) fn spend(&mut self, now: Timestamp) {
        self.unused -= 1;
        self.used = self.used.saturating_add(1);
        self.bucket = self.quota.charge_reserved(self.bucket, now);
    }

    /// Makes a call that was used an unused one again.
    pub(super) fn refund(&mut self) {
        self.unused = self.unused.saturating_add(1);
        self.used = self.used.saturating_sub(1);
        self.bucket = self.quota.refund(self.bucket);
    }

    /// Creates an exchange that returns the unused calls and takes more, at least `waiting` calls.
    pub(super) fn exchange(&mut self, key: BucketKey, waiting: u32, now: Timestamp) -> Exchange {
        let wanted = self.prefetch_count(now).max(waiting);
        let exchange = Exchange { wanted, ..self.return_unused(key, now) };
        self.wanted = wanted;
        exchange
    }

    /// Creates an exchange that returns the unused calls.
    pub(super) fn return_unused(&mut self, key: BucketKey, now: Timestamp) -> Exchange {
        let interval = self.quota.emission_interval();
        let at_least = self.bucket.plus(interval.saturating_mul(i64::from(self.unused)));
        // Calls that have refilled in the meantime are in the bucket already.
        let missing = (at_least.until_full(now) + interval - 1) / interval;
        let returned = self.unused.min(u32::try_from(missing).unwrap_or(u32::MAX));
        self.unused = 0;
        Exchange { key, quota: self.quota, at_least, returned, wanted: 0 }
    }

    /// Applies the result of an exchange.
    pub(super) fn receive(&mut self, result: ExchangeResult, now: Timestamp) {
        self.unused = result.granted;
        self.bucket = result.bucket.plus(-self.quota.emission_interval() * i64::from(result.granted));
        self.exchanged_at = Some(now);
        self.used = 0;
    }

    /// Returns whether there are unused calls that must be returned, since they are stale.
    pub(super) fn is_stale(&self, now: Timestamp) -> bool {
        self.unused > 0 && !self.is_fresh(now)
    }

    /// Returns whether there are unused calls and none was used since the last exchange.
    pub(super) fn is_unused(&self) -> bool {
        self.unused > 0 && self.used == 0
    }

    /// Returns whether there are unused calls.
    pub(super) fn has_unused(&self) -> bool {
        self.unused > 0
    }

    /// Returns whether the lease can be removed without loss.
    pub(super) fn is_removable(&self, now: Timestamp) -> bool {
        let is_from_a_clock_ahead = self.bucket > self.quota.empty_at(now).plus(MAX_CLOCK_SKEW);
        self.unused == 0 && !self.is_fresh(now) && (self.bucket.is_full(now) || is_from_a_clock_ahead)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.exchanged_at.is_some_and(|last| (now.millis() - last.millis()).abs() < MAX_AGE_MILLIS)
    }

    /// Returns the number of calls to take: one, or more at the rate of the calls used since the last exchange.
    fn prefetch_count(&self, now: Timestamp) -> u32 {
        let Some(last) = self.exchanged_at else { return 1 };
        let elapsed = (now.millis() - last.millis()).max(1);
        let predicted = i64::from(self.used) * PREFETCH_MILLIS / elapsed;
        let remaining = self.quota.remaining(self.bucket, now);
        let share = (remaining / REMAINING_DIVISOR).max(self.quota.limit() / QUOTA_DIVISOR);
        u32::try_from(predicted).unwrap_or(u32::MAX).min(share.min(self.wanted.saturating_mul(2))).max(1)
    }
}
