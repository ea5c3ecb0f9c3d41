//! The decision on a call that is charged to several buckets.

use std::time::Duration;

use novantra_limits::{ArrivalTime, Bucket, BucketState, Charge, Decision, decide};

use crate::leased::support::{NOW, later, organization, read};

/// The arrival time of a bucket that is full this many microseconds after [`NOW`].
fn arrival(micros: i64) -> ArrivalTime {
    ArrivalTime(NOW.millis() * 1000 + micros)
}

/// The wait of a refused call of a bucket of 60 calls per minute that is full after this many microseconds.
fn retry_after(micros: i64) -> Duration {
    match decide(&mut [(organization(60), arrival(micros))], NOW) {
        Decision::Refused { retry_after, .. } => retry_after,
        allowed => panic!("{allowed:?}"),
    }
}

#[test]
fn an_allowed_call_is_charged_to_every_bucket_and_reports_the_one_with_the_fewest_calls_left() {
    let mut buckets = [(read(1, 60), arrival(50_000_000)), (organization(600), ArrivalTime::FULL)];
    let nearest = BucketState { bucket: Bucket::TokenRead, limit: 60, remaining: 9, reset_at: later(51_000) };
    assert_eq!(decide(&mut buckets, NOW), Decision::Allowed { nearest: Some(nearest) });
    assert_eq!(buckets.map(|(_, bucket)| bucket), [arrival(51_000_000), arrival(100_000)]);
}

#[test]
fn of_two_buckets_with_equally_many_calls_left_the_one_that_refills_later_is_reported() {
    for reversed in [false, true] {
        let mut buckets: [(Charge, ArrivalTime); 2] =
            [(read(1, 10), ArrivalTime::FULL), (organization(60), arrival(50_000_000))];
        if reversed {
            buckets.reverse();
        }
        let state = decide(&mut buckets, NOW).bucket_state().unwrap();
        assert_eq!((state.bucket, state.remaining), (Bucket::Organization, 9));
        assert_eq!(state.reset_at, later(51_000));
    }
}

#[test]
fn a_refused_call_is_charged_to_no_bucket_and_waits_for_the_one_with_the_longest_wait() {
    let before =
        [(read(1, 60), arrival(60_000_000)), (read(2, 600), ArrivalTime::FULL), (organization(6), arrival(60_000_000))];
    let mut buckets = before;
    let emptiest = BucketState { bucket: Bucket::Organization, limit: 6, remaining: 0, reset_at: later(60_000) };
    let refused = Decision::Refused { retry_after: Duration::from_secs(10), emptiest };
    assert_eq!(decide(&mut buckets, NOW), refused);
    assert_eq!(buckets, before);
    assert_eq!(refused.bucket_state(), Some(emptiest));
}

#[test]
fn a_refused_caller_waits_whole_seconds_rounded_up_and_at_least_one() {
    assert_eq!(retry_after(59_000_001), Duration::from_secs(1));
    assert_eq!(retry_after(60_000_000), Duration::from_secs(1));
    let slow = decide(&mut [(organization(6), arrival(52_000_001))], NOW);
    assert!(matches!(slow, Decision::Refused { retry_after, .. } if retry_after == Duration::from_secs(3)), "{slow:?}");
}

#[test]
fn a_call_that_is_charged_to_no_bucket_is_allowed() {
    let decision = decide(&mut [], NOW);
    assert_eq!(decision, Decision::Allowed { nearest: None });
    assert_eq!(decision.bucket_state(), None);
}
