//! The arithmetic of one bucket at its edges.

use std::time::Duration;

use kernel::Timestamp;
use novantra_limits::{ArrivalTime, BucketKey, Exchange, ExchangeResult, MAX_CLOCK_SKEW, Quota};

use crate::leased::support::{NOW, ORGANIZATION, later};

/// The arrival time this many microseconds after [`NOW`].
fn arrival(micros: i64) -> ArrivalTime {
    ArrivalTime(NOW.millis() * 1000 + micros)
}

#[test]
fn the_interval_between_calls_is_rounded_up_to_whole_microseconds() {
    for (calls, micros) in [(1, 60_000_000), (60, 1_000_000), (7, 8_571_429), (6000, 10_000), (7000, 8572)] {
        assert_eq!(Quota::per_minute(calls).emission_interval(), micros, "{calls} calls per minute");
    }
    assert_eq!(Quota::per_minute(u32::MAX).emission_interval(), 1);
}

#[test]
fn a_quota_is_never_exceeded_and_missed_by_at_most_one_call_in_ten_thousand() {
    for calls in 1..=6000 {
        let refill = Quota::per_minute(calls).emission_interval() * i64::from(calls);
        assert!((60_000_000..=60_006_000).contains(&refill), "{calls} calls refill in {refill} µs");
    }
}

#[test]
fn a_quota_of_zero_counts_as_one_call_per_minute() {
    assert_eq!(Quota::per_minute(0), Quota::per_minute(1));
    assert_eq!(Quota::per_minute(0).limit(), 1);
}

#[test]
fn an_empty_bucket_refills_completely_in_the_intervals_of_all_its_calls() {
    assert_eq!(Quota::per_minute(60).empty_at(NOW), arrival(60_000_000));
    assert_eq!(Quota::per_minute(7).empty_at(NOW), arrival(60_000_003));
}

#[test]
fn a_bucket_is_full_from_its_arrival_time_on() {
    assert!(ArrivalTime::FULL.is_full(Timestamp::MIN));
    assert!(arrival(-1).is_full(NOW));
    assert!(arrival(0).is_full(NOW));
    assert!(!arrival(1).is_full(NOW));
    assert!(arrival(1).is_full(later(1)));
}

#[test]
fn a_call_delays_the_arrival_time_by_one_interval_and_a_full_bucket_saves_none_up() {
    let quota = Quota::per_minute(60);
    for full in [ArrivalTime::FULL, arrival(-5_000_000), arrival(0)] {
        assert_eq!(quota.charge(full, NOW), Ok(arrival(1_000_000)));
    }
    assert_eq!(quota.charge(arrival(5_000_001), NOW), Ok(arrival(6_000_001)));
}

#[test]
fn the_last_call_is_allowed_to_the_microsecond_and_the_wait_is_exact() {
    let quota = Quota::per_minute(60);
    assert_eq!(quota.charge(arrival(59_000_000), NOW), Ok(arrival(60_000_000)));
    assert_eq!(quota.charge(arrival(59_000_001), NOW), Err(Duration::from_micros(1)));
    assert_eq!(quota.charge(arrival(60_000_000), NOW), Err(Duration::from_secs(1)));
    assert_eq!(quota.charge(arrival(60_000_000), later(1)), Err(Duration::from_millis(999)));
}

#[test]
fn a_call_counts_as_remaining_only_when_it_has_refilled_completely() {
    let quota = Quota::per_minute(60);
    for (micros, remaining) in
        [(0, 60), (1, 59), (1_000_000, 59), (1_000_001, 58), (59_000_000, 1), (59_000_001, 0), (60_000_000, 0)]
    {
        assert_eq!(quota.remaining(arrival(micros), NOW), remaining, "{micros} µs until the bucket is full");
    }
    assert_eq!(quota.remaining(ArrivalTime::FULL, NOW), 60);
}

#[test]
fn the_time_at_which_a_bucket_is_full_is_rounded_up_to_whole_seconds() {
    let quota = Quota::per_minute(60);
    for (micros, seconds) in [(-7_000_000, 0), (0, 0), (1, 1), (1_000_000, 1), (1_000_001, 2), (60_000_000, 60)] {
        assert_eq!(quota.full_at(arrival(micros), NOW), later(seconds * 1000), "{micros} µs until the bucket is full");
    }
    assert_eq!(quota.full_at(ArrivalTime::FULL, later(1)), later(1000));
    let before_1970 = Timestamp::from_millis(-1500);
    assert_eq!(quota.full_at(ArrivalTime::FULL, before_1970), Timestamp::from_millis(-1000));
}

#[test]
fn a_bucket_written_by_a_clock_far_ahead_counts_as_empty_and_no_worse() {
    let quota = Quota::per_minute(60);
    for far in [arrival(3_600_000_000), ArrivalTime(i64::MAX)] {
        assert_eq!(quota.charge(far, NOW), Err(Duration::from_secs(1)));
        assert_eq!(quota.remaining(far, NOW), 0);
        assert_eq!(quota.full_at(far, NOW), later(60_000));
    }
}

#[test]
fn an_exchange_tolerates_clocks_that_differ_by_a_minute_and_no_more() {
    let key = BucketKey::Organization(ORGANIZATION);
    let quota = Quota::per_minute(60);
    let exchange = Exchange { key, quota, at_least: ArrivalTime::FULL, returned: 0, wanted: 1 };
    let limit = 60_000_000 + MAX_CLOCK_SKEW;
    assert_eq!(limit, 120_000_000);
    let granted_nothing = |bucket| ExchangeResult { granted: 0, bucket };
    assert_eq!(exchange.apply(arrival(limit), NOW), granted_nothing(arrival(limit)));
    assert_eq!(exchange.apply(arrival(limit + 1), NOW), granted_nothing(arrival(60_000_000)));
}

#[test]
fn an_exchange_grants_only_calls_that_have_refilled_completely() {
    let key = BucketKey::Organization(ORGANIZATION);
    let quota = Quota::per_minute(60);
    let exchange = Exchange { key, quota, at_least: ArrivalTime::FULL, returned: 0, wanted: 9 };
    for (before, granted) in [(58_000_000, 2), (58_000_001, 1), (59_000_001, 0)] {
        let bucket = arrival(before + granted * 1_000_000);
        let expected = ExchangeResult { granted: granted as u32, bucket };
        assert_eq!(exchange.apply(arrival(before), NOW), expected, "{before} µs until the bucket is full");
    }
}
