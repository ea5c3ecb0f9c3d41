use kernel::Id;
use ulid::Ulid;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: BucketKey = BucketKey::Organization(Id::new(Ulid::nil()));

fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

/// The arrival time this many microseconds after [`NOW`].
fn arrival(micros: i64) -> ArrivalTime {
    ArrivalTime(NOW.millis() * 1000 + micros)
}

/// A lease that got this many calls at [`NOW`], when the bucket was full this many microseconds later.
fn lease(per_minute: u32, granted: u32, micros: i64) -> QuotaLease {
    let mut lease = QuotaLease::new(Quota::per_minute(per_minute));
    lease.receive(ExchangeResult { granted, bucket: arrival(micros) }, NOW);
    lease
}

/// A lease that wanted and got this many calls at [`NOW`] from a bucket with this many calls, and has used some of
/// them.
fn used_lease(per_minute: u32, remaining: u32, granted: u32, used: u32) -> QuotaLease {
    let quota = Quota::per_minute(per_minute);
    let mut lease = QuotaLease::new(quota);
    lease.exchange(KEY, granted, NOW);
    let taken = i64::from(per_minute - remaining + granted) * quota.emission_interval();
    lease.receive(ExchangeResult { granted, bucket: arrival(taken) }, NOW);
    (0..used).for_each(|_| lease.spend(NOW));
    lease
}

fn wanted(mut lease: QuotaLease, at: Timestamp) -> u32 {
    lease.exchange(KEY, 0, at).wanted
}

#[test]
fn a_new_lease_takes_one_call_or_as_many_as_wait_for_it() {
    let quota = Quota::per_minute(60);
    for (waiting, wanted) in [(0, 1), (1, 1), (9, 9)] {
        let exchange = QuotaLease::new(quota).exchange(KEY, waiting, NOW);
        assert_eq!(exchange, Exchange { key: KEY, quota, at_least: ArrivalTime::FULL, returned: 0, wanted });
    }
}

#[test]
fn a_lease_takes_the_calls_of_half_a_second_at_the_rate_of_its_own_calls() {
    // One call in a millisecond refills, and the bucket is nearly full, so no other rule limits the lease.
    let lease = used_lease(60_000, 60_000, 400, 100);
    assert_eq!(wanted(lease, later(200)), 250);
    assert_eq!(wanted(lease, later(100)), 500);
    assert_eq!(wanted(lease, later(30_000)), 1, "100 calls in 30 s are fewer than one in half a second");
}

#[test]
fn a_lease_is_at_most_twice_the_previous_one() {
    let lease = used_lease(60_000, 60_000, 100, 100);
    assert_eq!(wanted(lease, later(10)), 200);
    assert_eq!(wanted(lease, NOW), 200, "calls of the same millisecond count as calls of one millisecond");
    assert_eq!(wanted(lease, later(-10)), 200, "a clock that steps back does no harm");
}

#[test]
fn a_lease_is_at_most_a_fiftieth_of_the_remaining_calls_or_a_thousandth_of_the_quota() {
    assert_eq!(wanted(used_lease(6000, 1100, 100, 100), NOW), 20, "1000 calls remain");
    assert_eq!(wanted(used_lease(6000, 399, 100, 100), NOW), 6, "299 calls remain");
    assert_eq!(wanted(used_lease(6000, 100, 100, 100), NOW), 6, "no call remains");
    assert_eq!(wanted(used_lease(999, 120, 100, 100), NOW), 1, "20 calls of 999 remain");
}

#[test]
fn only_calls_since_the_last_exchange_count_for_the_rate() {
    let mut lease = used_lease(60_000, 60_000, 400, 400);
    lease.receive(ExchangeResult { granted: 400, bucket: arrival(800_000) }, later(100));
    (0..10).for_each(|_| lease.spend(later(100)));
    assert_eq!(wanted(lease, later(150)), 100);
}

#[test]
fn a_received_lease_leaves_the_bucket_as_if_its_calls_were_still_in_it() {
    let mut lease = lease(60, 3, 10_000_000);
    assert_eq!(lease.bucket(), arrival(7_000_000));
    lease.spend(NOW);
    assert_eq!(lease.bucket(), arrival(8_000_000));
    lease.spend(later(9000));
    assert_eq!(lease.bucket(), arrival(10_000_000), "the calls of the other servers have refilled meanwhile");
}

#[test]
fn each_call_of_a_lease_can_be_used_once_within_a_second() {
    let mut lease = lease(60, 2, 10_000_000);
    for at in [-999, 0, 999] {
        assert!(lease.can_spend(later(at)), "at {at} ms");
        assert!(!lease.is_stale(later(at)), "at {at} ms");
    }
    for at in [-1000, 1000] {
        assert!(!lease.can_spend(later(at)), "at {at} ms");
        assert!(lease.is_stale(later(at)), "at {at} ms");
    }
    lease.spend(NOW);
    assert!(lease.can_spend(NOW));
    lease.spend(NOW);
    assert!(!lease.can_spend(NOW));
    assert!(!lease.is_stale(later(1000)), "there is nothing to return");
    assert!(!QuotaLease::new(Quota::per_minute(60)).can_spend(NOW));
}

#[test]
fn a_lease_remembers_whether_it_has_unused_calls_and_whether_none_was_used() {
    let mut lease = lease(60, 2, 10_000_000);
    assert!(lease.has_unused() && lease.is_unused());
    lease.spend(NOW);
    assert!(lease.has_unused() && !lease.is_unused());
    lease.spend(NOW);
    assert!(!lease.has_unused() && !lease.is_unused());
}

#[test]
fn an_empty_bucket_refuses_calls_for_at_most_a_second_without_an_exchange() {
    let lease = lease(1, 0, 60_000_000);
    assert!(lease.is_currently_empty(NOW) && lease.is_currently_empty(later(999)));
    assert!(!lease.is_currently_empty(later(1000)), "other servers may have returned calls since");
    assert!(lease.was_empty(later(1000)));
    assert!(lease.was_empty(later(59_999)) && !lease.was_empty(later(60_000)));
}

#[test]
fn a_bucket_does_not_count_as_empty_once_a_call_has_refilled_or_while_one_is_leased() {
    let empty = lease(600, 0, 60_000_000);
    assert!(empty.is_currently_empty(later(99)) && !empty.is_currently_empty(later(100)));
    let last_call_leased = lease(60, 1, 60_000_000);
    assert!(!last_call_leased.was_empty(NOW) && !last_call_leased.is_currently_empty(NOW));
    assert!(!QuotaLease::new(Quota::per_minute(60)).was_empty(NOW));
}

#[test]
fn unused_calls_are_returned_once() {
    let mut lease = lease(60, 3, 10_000_000);
    lease.spend(NOW);
    let expected =
        Exchange { key: KEY, quota: Quota::per_minute(60), at_least: arrival(10_000_000), returned: 2, wanted: 0 };
    assert_eq!(lease.return_unused(KEY, NOW), expected);
    assert!(!lease.has_unused());
    assert_eq!(lease.return_unused(KEY, NOW), Exchange { at_least: arrival(8_000_000), returned: 0, ..expected });
}

#[test]
fn calls_that_have_refilled_since_they_were_taken_are_not_returned() {
    for (at, returned) in [(0, 3), (1, 3), (999, 3), (1000, 2), (1001, 2), (2000, 1), (2999, 1), (3000, 0), (9000, 0)] {
        let exchange = lease(60, 3, 3_000_000).return_unused(KEY, later(at));
        assert_eq!(exchange.returned, returned, "at {at} ms");
        assert_eq!(exchange.at_least, arrival(3_000_000));
    }
}

#[test]
fn an_exchange_returns_the_unused_calls_and_takes_new_ones() {
    let mut lease = lease(60, 3, 10_000_000);
    let exchange = lease.exchange(KEY, 2, later(5000));
    assert_eq!((exchange.returned, exchange.wanted, exchange.at_least), (3, 2, arrival(10_000_000)));
}

#[test]
fn a_changed_quota_resets_the_lease_and_the_same_quota_does_not() {
    let mut lease = lease(60, 3, 10_000_000);
    lease.set_quota(Quota::per_minute(60));
    assert!(lease.has_unused());
    lease.set_quota(Quota::per_minute(61));
    assert!(!lease.has_unused());
    assert_eq!(lease.bucket(), ArrivalTime::FULL);
}

#[test]
fn a_lease_can_be_removed_when_it_has_no_calls_and_its_bucket_is_full_and_its_state_is_stale() {
    assert!(lease(60, 0, 1_000_000).is_removable(later(1000)));
    assert!(!lease(60, 0, 500_000).is_removable(later(999)), "its state is recent");
    assert!(!lease(60, 0, 1_000_001).is_removable(later(1000)), "its bucket is not full");
    assert!(!lease(60, 1, 1_000_000).is_removable(later(1000)), "it has a call to return");
    assert!(QuotaLease::new(Quota::per_minute(60)).is_removable(NOW), "it was never exchanged");
}
