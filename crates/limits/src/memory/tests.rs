use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
};

use kernel::{Id, OrganizationId};
use proptest::{collection::vec, prelude::*};
use ulid::Ulid;

use super::*;
use crate::{
    bucket::{Bucket, Peer},
    quota::Quota,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const ORGANIZATION: OrganizationId = Id::new(Ulid::nil());

/// Returns the result of a future that is ready immediately.
fn ready_result<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.unwrap(),
        Poll::Pending => panic!("limits in memory must never be pending"),
    }
}

fn charge(key: BucketKey, per_minute: u32) -> Charge {
    Charge { key, quota: Quota::per_minute(per_minute) }
}

fn read(account: u128, per_minute: u32) -> Charge {
    charge(BucketKey::TokenRead(ORGANIZATION, Ulid::from(account)), per_minute)
}

fn organization(per_minute: u32) -> Charge {
    charge(BucketKey::Organization(ORGANIZATION), per_minute)
}

fn remaining(limits: &MemoryLimits, charge: Charge) -> u32 {
    let [(_, bucket)] = limits.lock(&[charge]).read(&[charge], NOW).try_into().unwrap();
    charge.quota.remaining(bucket, NOW)
}

fn passes(limits: &MemoryLimits, charges: &[Charge], at: Timestamp) -> bool {
    matches!(ready_result(limits.charge(charges, at)), Decision::Allowed { .. })
}

#[test]
fn a_call_is_charged_to_every_bucket_and_the_decision_has_the_one_nearest_to_empty() {
    let limits = MemoryLimits::default();
    for expected in [4, 3, 2] {
        let decision = ready_result(limits.charge(&[read(1, 10), organization(5)], NOW));
        let state = decision.bucket_state().unwrap();
        assert!(matches!(decision, Decision::Allowed { .. }));
        assert_eq!((state.bucket, state.limit, state.remaining), (Bucket::Organization, 5, expected));
    }
    assert_eq!(remaining(&limits, read(1, 10)), 7);
}

#[test]
fn if_one_bucket_is_empty_none_is_charged_and_the_wait_is_in_whole_seconds() {
    let limits = MemoryLimits::default();
    for _ in 0..2 {
        assert!(passes(&limits, &[read(1, 600), organization(2)], NOW));
    }
    let refused = ready_result(limits.charge(&[read(1, 600), organization(2)], NOW));
    let Decision::Refused { retry_after, emptiest } = refused else { panic!("{refused:?}") };
    assert_eq!((retry_after.as_secs(), retry_after.subsec_nanos()), (30, 0));
    assert_eq!((emptiest.bucket, emptiest.remaining), (Bucket::Organization, 0));
    assert_eq!(emptiest.reset_at.seconds(), NOW.seconds() + 60);
    assert_eq!(remaining(&limits, read(1, 600)), 598);
}

#[test]
fn a_wait_is_at_least_one_second() {
    let limits = MemoryLimits::default();
    let last = (0..=3000).map(|_| ready_result(limits.charge(&[organization(3000)], NOW))).last();
    let Some(Decision::Refused { retry_after, .. }) = last else { panic!("3001 calls passed") };
    assert_eq!(retry_after.as_secs(), 1);
}

#[test]
fn unauthenticated_callers_do_not_displace_the_buckets_of_authenticated_ones() {
    let limits = MemoryLimits::new(16);
    let peer = Peer::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let unauthenticated = |id| charge(BucketKey::TokenFailure(Ulid::from(id), peer), 1);
    let passed = (0..2000).filter(|id| passes(&limits, &[unauthenticated(*id)], NOW)).count();
    assert!(passed <= 32, "{passed} calls were allowed, but there are 16 buckets and one overflow bucket per shard");
    assert!(passes(&limits, &[read(1, 1)], NOW));
}

#[test]
fn concurrent_charges_in_any_order_of_buckets_are_allowed_up_to_the_quota_without_a_deadlock() {
    let limits = MemoryLimits::default();
    let calls = |worker: u128| {
        let mut charges = [read(worker, 100), organization(60)];
        if worker == 2 {
            charges.reverse();
        }
        (0..50).filter(|_| passes(&limits, &charges, NOW)).count()
    };
    let passed: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || calls(worker))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(passed, 60);
}

proptest! {
    #[test]
    fn any_sequence_of_charges_has_the_same_result_as_with_separate_buckets(
        calls in vec((0_u128..3, any::<bool>(), 0_i64..4000), 1..120),
    ) {
        let limits = MemoryLimits::default();
        let mut model = BTreeMap::new();
        let mut at = NOW;
        for (account, writes, later) in calls {
            at = Timestamp::from_millis(at.millis() + later);
            let account = Ulid::from(account);
            let own = if writes { BucketKey::TokenWrite(ORGANIZATION, account) } else { BucketKey::TokenRead(ORGANIZATION, account) };
            let charges = [charge(own, 7), charge(BucketKey::Organization(ORGANIZATION), 11)];
            let after = charges.map(|Charge { key, quota }| quota.charge(*model.get(&key).unwrap_or(&ArrivalTime::FULL), at));
            let expected = after.iter().all(Result::is_ok);
            prop_assert_eq!(passes(&limits, &charges, at), expected);
            if expected {
                model.extend(charges.iter().zip(after).map(|(charge, after)| (charge.key, after.unwrap())));
            }
        }
    }
}

#[test]
fn a_refunded_call_can_be_made_again_and_a_full_bucket_stays_full() {
    let limits = MemoryLimits::default();
    let charges = [read(1, 10), organization(5)];
    limits.refund(&charges, NOW);
    for _ in 0..5 {
        assert!(passes(&limits, &charges, NOW));
    }
    assert!(!passes(&limits, &charges, NOW));
    limits.refund(&charges, NOW);
    assert_eq!((remaining(&limits, charges[0]), remaining(&limits, charges[1])), (6, 1));
    assert!(passes(&limits, &charges, NOW));
    assert!(!passes(&limits, &charges, NOW));
}
