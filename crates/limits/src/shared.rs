//! What is asked of buckets that the servers of an installation share.

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};

use crate::{
    bucket::BucketKey,
    quota::{ArrivalTime, Quota},
};

/// How much later than empty a bucket may be before it is taken for one whose clock went wrong, in microseconds. Less than
/// that is left as it is: a server whose clock is a little behind would else refill what others emptied.
pub const STRAY: i64 = 60_000_000;

/// What a server gives back to one shared bucket and takes from it, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Take {
    /// Which bucket.
    pub key: BucketKey,
    /// What it holds.
    pub quota: Quota,
    /// What the server knows by its own calls: the bucket will be full no earlier.
    pub at_least: ArrivalTime,
    /// How many calls it gives back.
    pub returned: u32,
    /// How many calls it wants, at most.
    pub wanted: u32,
}

/// What came of a [`Take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many calls the server got: as many as it wanted, or as the bucket held.
    pub granted: u32,
    /// How the bucket stands now.
    pub bucket: ArrivalTime,
}

/// Keeps buckets where every server of an installation reaches them.
#[async_trait]
pub trait SharedBuckets: Send + Sync {
    /// Does all of these, each as [`Take::of`] says, whatever becomes of the others; answers in their order. The buckets
    /// are distinct. Takes of several servers at once come out as one after the other.
    ///
    /// # Errors
    /// [`StoreError`] when the buckets can't be reached, soon enough for a caller that waits: then nobody knows what was
    /// done.
    async fn take(&self, takes: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError>;

    /// Forgets buckets that have long been full, at most `limit` of them. Says how many went.
    ///
    /// # Errors
    /// [`StoreError`] when the buckets can't be reached.
    async fn forget_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}

impl Take {
    /// What comes of it where the bucket stands so: every implementation's arithmetic, in whole microseconds.
    #[must_use]
    pub fn of(&self, bucket: ArrivalTime, now: Timestamp) -> Taken {
        let span = self.quota.span();
        let returned = span.saturating_mul(i64::from(self.returned));
        let empty = self.quota.empty_at(now);
        let bucket = if bucket > empty.later(STRAY) { empty } else { bucket };
        let before = bucket.max(self.at_least).later(-returned).at_least(now);
        let free = ((empty.0 - before.0) / span).max(0);
        let granted = self.wanted.min(u32::try_from(free).unwrap_or(u32::MAX));
        Taken { granted, bucket: before.later(span * i64::from(granted)) }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn take(returned: u32, wanted: u32) -> Take {
        let key = BucketKey::Organization(Id::new(Ulid::nil()));
        Take { key, quota: Quota::per_minute(60), at_least: ArrivalTime::FULL, returned, wanted }
    }

    fn second(second: i64) -> ArrivalTime {
        ArrivalTime((NOW.millis() + second * 1000) * 1000)
    }

    #[test]
    fn as_many_are_granted_as_the_bucket_holds() {
        assert_eq!(take(0, 5).of(ArrivalTime::FULL, NOW), Taken { granted: 5, bucket: second(5) });
        assert_eq!(take(0, 5).of(second(58), NOW), Taken { granted: 2, bucket: second(60) });
        assert_eq!(take(0, 5).of(second(60), NOW), Taken { granted: 0, bucket: second(60) });
    }

    #[test]
    fn what_is_given_back_is_there_again_but_a_full_bucket_holds_no_more() {
        assert_eq!(take(7, 0).of(second(30), NOW), Taken { granted: 0, bucket: second(23) });
        assert_eq!(take(7, 3).of(second(60), NOW), Taken { granted: 3, bucket: second(56) });
        assert_eq!(take(7, 60).of(second(5), NOW), Taken { granted: 60, bucket: second(60) });
    }

    #[test]
    fn what_the_server_knows_of_its_own_calls_counts() {
        let known = Take { at_least: second(10), ..take(0, 1) };
        assert_eq!(known.of(second(4), NOW), Taken { granted: 1, bucket: second(11) });
        assert_eq!(known.of(second(14), NOW), Taken { granted: 1, bucket: second(15) });
    }

    #[test]
    fn a_clock_that_stepped_far_back_empties_a_bucket_and_no_more_than_that() {
        assert_eq!(take(0, 1).of(second(3600), NOW), Taken { granted: 0, bucket: second(60) });
    }

    #[test]
    fn a_server_whose_clock_is_behind_refills_nothing() {
        assert_eq!(take(0, 1).of(second(90), NOW), Taken { granted: 0, bucket: second(90) });
        assert_eq!(take(1, 0).of(second(61), NOW), Taken { granted: 0, bucket: second(60) });
    }
}
