use kernel::Id;
use ulid::Ulid;

use super::*;
use crate::{quota::Quota, shared::ExchangeResult};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const QUOTA: Quota = Quota::per_minute(60);

/// Shared buckets in which before each exchange the organizations' buckets are empty and all others are full.
struct FixedBuckets;

#[async_trait]
impl SharedBuckets for FixedBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        let bucket = |exchange: &Exchange| match exchange.key {
            BucketKey::Organization(_) => exchange.quota.empty_at(now),
            _ => ArrivalTime::FULL,
        };
        Ok(exchanges.iter().map(|exchange| exchange.apply(bucket(exchange), now)).collect())
    }

    async fn delete_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// A charge of the account with this number.
fn read(account: u128) -> Charge {
    Charge { key: BucketKey::TokenRead(Id::new(Ulid(7)), Ulid(account)), quota: QUOTA }
}

/// A charge of the organization, whose bucket is empty.
fn organization() -> Charge {
    Charge { key: BucketKey::Organization(Id::new(Ulid(7))), quota: QUOTA }
}

fn passes(server: &LeasedLimits, charges: &[Charge]) -> bool {
    matches!(server.charge(charges, NOW).now_or_never().unwrap().unwrap(), Decision::Allowed { .. })
}

/// A server that has just allowed a call of account 1, whose bucket is full again after a second.
fn server() -> (LeasedLimits, BucketKey) {
    let server = LeasedLimits::new(Arc::new(FixedBuckets), |work| work.now_or_never().unwrap(), 10);
    assert!(passes(&server, &[read(1)]));
    (server, read(1).key)
}

/// Leaves the account three calls that a call took from its bucket, which was cancelled before it could use them.
fn leave_calls(server: &LeasedLimits, account: u128) {
    let mut entries = server.leases.lock();
    let entry = entries.entry(read(account).key).or_insert_with(|| LeaseEntry::new(&read(account)));
    entry.lease.receive(ExchangeResult { granted: 3, bucket: ArrivalTime(NOW.millis() * 1000 + 3_000_000) }, NOW);
}

fn has_unused(server: &LeasedLimits, account: u128) -> bool {
    server.leases.lock()[&read(account).key].lease.has_unused()
}

/// Returns the number of leases after the unused calls were returned this many milliseconds after the call.
fn leases_after(server: &LeasedLimits, millis: i64) -> usize {
    let now = Timestamp::from_millis(NOW.millis() + millis);
    server.return_unused(now).now_or_never().unwrap().unwrap();
    server.leases.lock().len()
}

#[test]
fn a_lease_is_removed_when_its_bucket_is_full_again() {
    let (server, _) = server();
    assert_eq!(leases_after(&server, 999), 1);
    assert_eq!(leases_after(&server, 1000), 0);
}

#[test]
fn a_lease_that_a_call_waits_for_is_not_removed() {
    let (server, key) = server();
    let waiter = server.leases.add_waiter(&mut server.leases.lock(), vec![key]);
    assert_eq!(leases_after(&server, 5000), 1);
    drop(waiter);
    assert_eq!(leases_after(&server, 5000), 0);
}

#[test]
fn calls_that_a_waiting_call_may_use_are_not_returned() {
    let (server, key) = server();
    leave_calls(&server, 1);
    let waiter = server.leases.add_waiter(&mut server.leases.lock(), vec![key]);
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(has_unused(&server, 1));
    drop(waiter);
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(!has_unused(&server, 1));
}

#[test]
fn a_refused_call_returns_the_calls_of_its_own_buckets_only() {
    let (server, _) = server();
    leave_calls(&server, 1);
    leave_calls(&server, 2);
    assert!(!passes(&server, &[read(1), organization()]), "the exchange has got no call of the organization");
    assert!(!has_unused(&server, 1));
    assert!(has_unused(&server, 2));
}

#[test]
fn a_call_that_is_refused_without_an_exchange_returns_nothing() {
    let (server, _) = server();
    assert!(!passes(&server, &[organization()]));
    leave_calls(&server, 1);
    assert!(!passes(&server, &[read(1), organization()]), "the organization is known to be empty");
    assert!(has_unused(&server, 1));
}

#[test]
fn a_refunded_call_is_an_unused_call_of_the_lease_and_is_returned_like_one() {
    let (server, key) = server();
    assert!(!has_unused(&server, 1));
    let bucket = server.leases.lock()[&key].lease.bucket();
    server.refund(&[read(1), read(2)], NOW);
    assert!(has_unused(&server, 1));
    assert_eq!(server.leases.lock()[&key].lease.bucket(), bucket.plus(-QUOTA.emission_interval()));
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(!has_unused(&server, 1));
}
