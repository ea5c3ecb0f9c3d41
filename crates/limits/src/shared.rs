//! The port of the buckets that the servers of an installation share.

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{
    bucket::BucketKey,
    quota::{ArrivalTime, Quota},
};

/// The maximum difference between clocks, in microseconds. A bucket whose arrival time is further than this beyond that
/// of an empty bucket was written with a wrong clock and counts as empty. A smaller difference is tolerated: otherwise
/// a server whose clock is slightly behind would refill buckets that others have emptied.
pub const MAX_CLOCK_SKEW: i64 = 60_000_000;

/// An exchange of a server with one shared bucket: the server returns calls first and takes calls then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The key of the bucket.
    pub key: BucketKey,
    /// The quota of the bucket.
    pub quota: Quota,
    /// The minimum arrival time, which the server knows from its own calls.
    pub at_least: ArrivalTime,
    /// The number of calls the server returns.
    pub returned: u32,
    /// The maximum number of calls the server takes.
    pub wanted: u32,
}

/// The result of an [`Exchange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeResult {
    /// The number of calls the server has got: as many as wanted, or as many as were in the bucket.
    pub granted: u32,
    /// The state of the bucket after the exchange.
    pub bucket: ArrivalTime,
}

/// Holds buckets that every server of an installation can reach.
#[async_trait]
pub trait SharedBuckets: Send + Sync {
    /// Performs all of these exchanges independently, each as [`Exchange::apply`] defines, and returns the results in
    /// the same order. The buckets must be distinct. Concurrent exchanges of several servers are serialized.
    ///
    /// # Errors
    /// [`StoreError`] if the buckets can't be reached, within a time that a waiting caller accepts. It is unknown then
    /// which exchanges were performed.
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError>;

    /// Deletes buckets that have long been full, at most `limit`. Returns the number of deleted buckets.
    ///
    /// # Errors
    /// [`StoreError`] if the buckets can't be reached.
    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}

impl Exchange {
    /// Computes the result of the exchange for this state of the bucket, in whole microseconds. Every implementation
    /// must compute the same.
    #[must_use]
    pub fn apply(&self, bucket: ArrivalTime, now: Timestamp) -> ExchangeResult {
        let interval = self.quota.emission_interval();
        let returned = interval.saturating_mul(i64::from(self.returned));
        let empty = self.quota.empty_at(now);
        // What the server knows from its own calls may be of a time before its clock was set back, too.
        let [bucket, at_least] =
            [bucket, self.at_least].map(|at| if at > empty.plus(MAX_CLOCK_SKEW) { empty } else { at });
        let before = bucket.max(at_least).plus(-returned).at_least(now);
        let remaining = ((empty.0 - before.0) / interval).max(0);
        let granted = self.wanted.min(u32::try_from(remaining).unwrap_or(u32::MAX));
        ExchangeResult { granted, bucket: before.plus(interval * i64::from(granted)) }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn exchange(returned: u32, wanted: u32) -> Exchange {
        let key = BucketKey::Organization(Id::new(Ulid::nil()));
        Exchange { key, quota: Quota::per_minute(60), at_least: ArrivalTime::FULL, returned, wanted }
    }

    fn second(second: i64) -> ArrivalTime {
        ArrivalTime((NOW.millis() + second * 1000) * 1000)
    }

    #[test]
    fn no_more_calls_are_granted_than_the_bucket_has() {
        assert_eq!(exchange(0, 5).apply(ArrivalTime::FULL, NOW), ExchangeResult { granted: 5, bucket: second(5) });
        assert_eq!(exchange(0, 5).apply(second(58), NOW), ExchangeResult { granted: 2, bucket: second(60) });
        assert_eq!(exchange(0, 5).apply(second(60), NOW), ExchangeResult { granted: 0, bucket: second(60) });
    }

    #[test]
    fn returned_calls_are_available_again_but_never_exceed_the_quota() {
        assert_eq!(exchange(7, 0).apply(second(30), NOW), ExchangeResult { granted: 0, bucket: second(23) });
        assert_eq!(exchange(7, 3).apply(second(60), NOW), ExchangeResult { granted: 3, bucket: second(56) });
        assert_eq!(exchange(7, 60).apply(second(5), NOW), ExchangeResult { granted: 60, bucket: second(60) });
    }

    #[test]
    fn the_minimum_arrival_time_of_the_server_is_respected() {
        let exchange = Exchange { at_least: second(10), ..exchange(0, 1) };
        assert_eq!(exchange.apply(second(4), NOW), ExchangeResult { granted: 1, bucket: second(11) });
        assert_eq!(exchange.apply(second(14), NOW), ExchangeResult { granted: 1, bucket: second(15) });
    }

    #[test]
    fn after_a_clock_has_stepped_far_back_a_bucket_counts_as_empty_at_worst() {
        assert_eq!(exchange(0, 1).apply(second(3600), NOW), ExchangeResult { granted: 0, bucket: second(60) });
    }

    #[test]
    fn after_a_servers_clock_has_stepped_far_back_its_own_calls_count_as_an_empty_bucket_at_worst() {
        let exchange = Exchange { at_least: second(3600), ..exchange(0, 1) };
        assert_eq!(exchange.apply(ArrivalTime::FULL, NOW), ExchangeResult { granted: 0, bucket: second(60) });
        assert_eq!(exchange.apply(second(7200), NOW), ExchangeResult { granted: 0, bucket: second(60) });
    }

    #[test]
    fn a_server_whose_clock_is_slightly_behind_refills_nothing() {
        assert_eq!(exchange(0, 1).apply(second(90), NOW), ExchangeResult { granted: 0, bucket: second(90) });
        assert_eq!(exchange(1, 0).apply(second(61), NOW), ExchangeResult { granted: 0, bucket: second(60) });
    }
}
