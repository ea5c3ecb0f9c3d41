//! The arithmetic of one bucket: its capacity and its refill.

use std::time::Duration;

use kernel::Timestamp;

const MINUTE: i64 = 60_000_000;

/// The number of calls per minute that a bucket allows: a full bucket allows this many calls at once, and as many in
/// each following minute.
///
/// The interval between calls is a number of whole microseconds, rounded up. So the quota is never exceeded, and up to
/// 6,000 calls per minute it is missed by less than one call in ten thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    per_minute: u32,
}

/// The complete state of a bucket: the time at which it will be full again, in microseconds since 1970 (GCRA's
/// theoretical arrival time). A full or unused bucket has [`ArrivalTime::FULL`] or any time in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArrivalTime(pub i64);

impl ArrivalTime {
    /// The state of a bucket that was never charged.
    pub const FULL: Self = Self(i64::MIN);

    /// Returns whether the bucket is full, so that it can be evicted without loss.
    #[must_use]
    pub fn is_full(self, now: Timestamp) -> bool {
        self.0 <= micros(now)
    }

    /// Returns this arrival time, or that of a full bucket if it is later.
    pub(crate) fn at_least(self, now: Timestamp) -> Self {
        Self(self.0.max(micros(now)))
    }

    /// Returns this arrival time, or `latest` if it is later: that of an empty bucket, beyond which no call ever takes a
    /// bucket. A later arrival time was computed before the clock was set back. It must be *stored* as `latest`, so
    /// that the bucket refills from now on, not from the time that the clock had shown.
    pub(crate) fn at_most(self, latest: Self) -> Self {
        self.min(latest)
    }

    /// Returns the time until the bucket is full, in microseconds.
    pub(crate) fn until_full(self, now: Timestamp) -> i64 {
        self.0.saturating_sub(micros(now)).max(0)
    }

    /// Returns the arrival time after calls worth this many microseconds were taken.
    pub(crate) fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

impl Quota {
    /// Creates a quota of this many calls per minute. A quota of 0 is rejected where limits are set; here it counts as
    /// 1.
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self { per_minute: if calls == 0 { 1 } else { calls } }
    }

    /// The calls per minute, which is also the maximum number of calls at once.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.per_minute
    }

    /// The time in which one call refills, in microseconds: GCRA's emission interval.
    #[must_use]
    pub const fn emission_interval(self) -> i64 {
        let calls = self.per_minute as i64;
        (MINUTE + calls - 1) / calls
    }

    /// The time in which an empty bucket refills completely, in microseconds.
    const fn refill_time(self) -> i64 {
        self.emission_interval() * self.per_minute as i64
    }

    /// Returns the arrival time of an empty bucket.
    #[must_use]
    pub fn empty_at(self, now: Timestamp) -> ArrivalTime {
        ArrivalTime(micros(now) + self.refill_time())
    }

    /// Takes one call from the bucket.
    ///
    /// # Errors
    /// The time until the bucket has a call, if it is empty.
    pub fn charge(self, bucket: ArrivalTime, now: Timestamp) -> Result<ArrivalTime, Duration> {
        let after = self.deficit(bucket, now) + self.emission_interval();
        match u64::try_from(after - self.refill_time()) {
            Ok(wait) if wait > 0 => Err(Duration::from_micros(wait)),
            _ => Ok(ArrivalTime(micros(now).saturating_add(after))),
        }
    }

    /// Takes one call that was reserved before, without checking whether the bucket is empty.
    pub(crate) fn charge_reserved(self, bucket: ArrivalTime, now: Timestamp) -> ArrivalTime {
        bucket.at_least(now).plus(self.emission_interval())
    }

    /// Returns one call to the bucket.
    pub(crate) fn refund(self, bucket: ArrivalTime) -> ArrivalTime {
        bucket.plus(-self.emission_interval())
    }

    /// Returns the number of calls in the bucket.
    #[must_use]
    pub fn remaining(self, bucket: ArrivalTime, now: Timestamp) -> u32 {
        u32::try_from((self.refill_time() - self.deficit(bucket, now)) / self.emission_interval())
            .unwrap_or(self.per_minute)
    }

    /// Returns the time at which the bucket will be full if no call is made; whole seconds, rounded up.
    #[must_use]
    pub fn full_at(self, bucket: ArrivalTime, now: Timestamp) -> Timestamp {
        let full = micros(now).saturating_add(self.deficit(bucket, now));
        Timestamp::from_millis(full.saturating_add(999_999).div_euclid(1_000_000).saturating_mul(1000))
    }

    /// Returns the time until the bucket is full, limited to the refill time of an empty bucket: a clock that stepped
    /// back or a quota that was raised must not block a caller for longer.
    fn deficit(self, bucket: ArrivalTime, now: Timestamp) -> i64 {
        bucket.until_full(now).min(self.refill_time())
    }
}

fn micros(time: Timestamp) -> i64 {
    time.millis() * 1000
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const MINUTE_MILLIS: i64 = MINUTE / 1000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn pass(quota: Quota, bucket: &mut ArrivalTime, now: Timestamp) -> bool {
        match quota.charge(*bucket, now) {
            Ok(after) => {
                *bucket = after;
                true
            }
            Err(_) => false,
        }
    }

    #[test]
    fn a_full_bucket_allows_exactly_its_quota_at_once() {
        for limit in [1, 7, 60, 600, 3000, 1_000_000] {
            let quota = Quota::per_minute(limit);
            let mut bucket = ArrivalTime::FULL;
            for spent in 0..limit {
                assert_eq!(quota.remaining(bucket, at(0)), limit - spent);
                assert!(pass(quota, &mut bucket, at(0)));
            }
            assert!(!pass(quota, &mut bucket, at(0)), "a quota of {limit} per minute allowed one call more");
            assert_eq!(quota.full_at(bucket, at(0)).seconds(), if limit == 7 { 61 } else { 60 });
        }
    }

    #[test]
    fn one_call_of_sixty_per_minute_refills_each_second_and_a_refusal_returns_the_wait() {
        let quota = Quota::per_minute(60);
        let mut bucket = ArrivalTime::FULL;
        assert!((0..100).any(|_| !pass(quota, &mut bucket, at(0))), "a hundred calls passed");
        assert_eq!(quota.charge(bucket, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(quota.charge(bucket, at(999)), Err(Duration::from_millis(1)));
        assert!(pass(quota, &mut bucket, at(1000)));
        assert!(!pass(quota, &mut bucket, at(1000)));
    }

    #[test]
    fn a_clock_that_steps_back_blocks_no_caller() {
        let quota = Quota::per_minute(60);
        let bucket = quota.charge(ArrivalTime::FULL, at(3_600_000)).unwrap();
        assert_eq!(quota.charge(bucket, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(quota.remaining(bucket, at(0)), 0);
    }

    #[test]
    fn no_timestamp_causes_an_overflow() {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            for limit in [0, 1, u32::MAX] {
                let quota = Quota::per_minute(limit);
                let bucket = quota.charge(ArrivalTime::FULL, now).unwrap();
                assert!(quota.remaining(bucket, now) < quota.limit());
                assert!(quota.full_at(ArrivalTime(i64::MAX), now) >= now);
                assert!(quota.charge(ArrivalTime(i64::MAX), now).is_err());
            }
        }
    }

    proptest! {
        #[test]
        fn no_time_window_allows_more_calls_than_the_quota_and_its_refill(
            limit in 1_u32..200,
            steps in vec(prop_oneof![Just(0), 0_i64..50, 0_i64..30_000], 1..400),
        ) {
            let quota = Quota::per_minute(limit);
            let mut bucket = ArrivalTime::FULL;
            let mut now = 1_700_000_000_000;
            let mut passed = Vec::new();
            for step in steps {
                now += step;
                if pass(quota, &mut bucket, at(now)) {
                    passed.push(now);
                }
            }
            for (first, start) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    let refilled = (end - start) * i64::from(limit) / MINUTE_MILLIS;
                    prop_assert!(((last - first) as i64) < i64::from(limit) + refilled);
                }
            }
        }

        #[test]
        fn a_caller_that_waits_as_long_as_required_is_allowed(limit in 1_u32..5000, spent in 0_u32..6000, later in 0_i64..60_000) {
            let quota = Quota::per_minute(limit);
            let mut bucket = ArrivalTime::FULL;
            for _ in 0..spent {
                pass(quota, &mut bucket, at(0));
            }
            if let Err(wait) = quota.charge(bucket, at(later)) {
                prop_assert_eq!(quota.remaining(bucket, at(later)), 0);
                let wait = i64::try_from(wait.as_micros()).unwrap();
                prop_assert!(quota.charge(bucket, at(later + (wait + 999) / 1000)).is_ok());
                prop_assert!(quota.charge(bucket, at(later + wait / 1000 - 1)).is_err());
            } else {
                prop_assert!(quota.remaining(bucket, at(later)) > 0);
            }
            prop_assert_eq!(quota.remaining(bucket, quota.full_at(bucket, at(later))), limit);
        }
    }
}
