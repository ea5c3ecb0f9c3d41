//! A single server.

use std::sync::Arc;

use novantra_limits::MemoryLimits;
use proptest::{collection::vec, prelude::*};

use super::support::{CountingBuckets, NOW, charge, later, organization, passes, read, return_unused, server};

proptest! {
    #[test]
    fn a_single_server_makes_the_same_decisions_as_memory_limits(
        limits in (1_u32..40, 1_u32..2000),
        calls in vec((0_u128..3, prop_oneof![4 => 0_i64..3, 2 => 0_i64..40, 1 => 0_i64..3000], any::<bool>()), 1..400),
    ) {
        let shared = Arc::<CountingBuckets>::default();
        let (leased, exact) = (server(&shared), MemoryLimits::default());
        let mut at = 0;
        for (account, step, returns_unused) in calls {
            at += step;
            if returns_unused && step > 1 {
                return_unused(&leased, later(at));
            }
            let charges = [read(account, limits.0), organization(limits.1)];
            prop_assert_eq!(charge(&leased, &charges, later(at)), charge(&exact, &charges, later(at)));
        }
    }
}

#[test]
fn a_steady_caller_costs_at_most_one_exchange_per_ten_calls() {
    let shared = Arc::<CountingBuckets>::default();
    let leased = server(&shared);
    let calls = 60 * 60;
    for call in 0..calls {
        assert!(passes(&leased, &[read(1, 6000), organization(30_000)], later(call * 1000 / 60)));
    }
    assert!(
        shared.exchange_count() <= calls.unsigned_abs() / 10,
        "{} exchanges for {calls} calls",
        shared.exchange_count()
    );
}

#[test]
fn a_refused_caller_costs_no_exchange_until_a_call_has_refilled() {
    let shared = Arc::<CountingBuckets>::default();
    let leased = server(&shared);
    let charges = [read(1, 60), organization(3000)];
    assert!((0..100).any(|_| !passes(&leased, &charges, NOW)), "a hundred calls passed");
    let exchanges = shared.exchange_count();
    for millis in 0..1000 {
        assert!(!passes(&leased, &charges, later(millis)));
    }
    assert_eq!(shared.exchange_count(), exchanges);
    assert!(passes(&leased, &charges, later(1000)));
}

#[test]
fn a_server_that_stops_returns_all_its_calls() {
    let shared = Arc::<CountingBuckets>::default();
    let (leased, other) = (server(&shared), server(&shared));
    for call in 0..1000 {
        assert!(passes(&leased, &[read(1, 60_000)], later(call)));
    }
    futures_util::FutureExt::now_or_never(leased.return_all(later(1000))).unwrap().unwrap();
    let state = charge(&other, &[read(1, 60_000)], later(1000)).bucket_state().unwrap();
    assert_eq!(state.remaining, 59_999, "a thousand calls have refilled in the second they took");
}
