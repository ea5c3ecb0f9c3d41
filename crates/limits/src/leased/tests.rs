use kernel::Id;
use ulid::Ulid;

use super::*;
use crate::{quota::Quota, shared::ExchangeResult};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Shared buckets in which every bucket is full before each exchange.
struct FullBuckets;

#[async_trait]
impl SharedBuckets for FullBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        Ok(exchanges.iter().map(|exchange| exchange.apply(ArrivalTime::FULL, now)).collect())
    }

    async fn delete_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// A server that has just allowed one call, of a bucket that is full again after a second.
fn server() -> (LeasedLimits, BucketKey) {
    let key = BucketKey::TokenRead(Id::new(Ulid(7)), Ulid(1));
    let server = LeasedLimits::new(Arc::new(FullBuckets), |work| work.now_or_never().unwrap(), 10);
    let charge = Charge { key, quota: Quota::per_minute(60) };
    server.charge(&[charge], NOW).now_or_never().unwrap().unwrap();
    (server, key)
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
    let got = ExchangeResult { granted: 3, bucket: ArrivalTime::FULL };
    server.leases.lock().get_mut(&key).unwrap().lease.receive(got, NOW);
    let waiter = server.leases.add_waiter(&mut server.leases.lock(), vec![key]);
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(server.leases.lock()[&key].lease.has_unused());
    drop(waiter);
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(!server.leases.lock()[&key].lease.has_unused());
}
