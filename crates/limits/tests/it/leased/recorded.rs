//! The exchanges that servers send, recorded.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use kernel::{StoreError, Timestamp};
use novantra_limits::{ArrivalTime, Decision, Exchange, ExchangeResult, LeasedLimits, LimitStore as _, SharedBuckets};
use store_contract::MemoryBuckets;

use super::support::{NOW, charge, later, organization, passes, read, return_unused, run_now};

/// Shared buckets that record every exchange.
#[derive(Default)]
struct RecordingBuckets {
    buckets: MemoryBuckets,
    exchanges: Mutex<Vec<Vec<Exchange>>>,
}

#[async_trait]
impl SharedBuckets for RecordingBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.exchanges.lock().unwrap().push(exchanges.to_vec());
        self.buckets.exchange(exchanges, now).await
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.delete_full(now, limit).await
    }
}

impl RecordingBuckets {
    /// Returns the exchanges since the last time, and forgets them.
    fn take(&self) -> Vec<Vec<Exchange>> {
        std::mem::take(&mut self.exchanges.lock().unwrap())
    }
}

fn recorded(capacity: usize) -> (Arc<RecordingBuckets>, LeasedLimits) {
    let shared = Arc::<RecordingBuckets>::default();
    (Arc::clone(&shared), LeasedLimits::new(shared, run_now, capacity))
}

/// Makes calls of this account in one millisecond until its lease has two unused calls. A call refills in a third of a
/// second.
fn leave_two_calls_unused(server: &LeasedLimits, account: u128) {
    (0..4).for_each(|_| assert!(passes(server, &[read(account, 180)], NOW)));
}

#[test]
fn a_server_that_stops_returns_the_calls_of_many_buckets_in_several_exchanges() {
    let (shared, server) = recorded(10_000);
    (0..130).for_each(|account| leave_two_calls_unused(&server, account));
    shared.take();
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    let exchanges = shared.take();
    assert!(exchanges.iter().map(Vec::len).eq([64, 64, 2]));
    assert!(exchanges.iter().flatten().all(|exchange| (exchange.returned, exchange.wanted) == (2, 0)));
    server.return_all(NOW).now_or_never().unwrap().unwrap();
    assert!(shared.take().is_empty(), "there is nothing left to return");
}

#[test]
fn unused_calls_are_returned_after_a_second_and_not_before() {
    let (shared, server) = recorded(10_000);
    leave_two_calls_unused(&server, 1);
    shared.take();
    return_unused(&server, later(999));
    assert!(shared.take().is_empty());
    return_unused(&server, later(1000));
    let exchanges = shared.take();
    assert!(exchanges.iter().flatten().map(|exchange| (exchange.returned, exchange.wanted)).eq([(2, 0)]));
}

#[test]
fn a_refused_call_returns_the_calls_that_it_took_from_other_buckets() {
    let (shared, server) = recorded(10_000);
    assert!(passes(&server, &[organization(1)], NOW));
    shared.take();
    let other_server = LeasedLimits::new(Arc::clone(&shared) as _, run_now, 10_000);
    assert!(!passes(&other_server, &[read(1, 60), organization(1)], NOW));
    let exchanges = shared.take();
    let [taken, returned] = &exchanges[..] else { panic!("{exchanges:?}") };
    assert!(taken.iter().map(|exchange| exchange.wanted).eq([1, 1]));
    let [returned] = &returned[..] else { panic!("{exchanges:?}") };
    assert_eq!((returned.key, returned.returned, returned.wanted), (read(1, 60).key, 1, 0));
}

#[test]
fn a_refusal_reports_the_longest_wait_also_of_a_bucket_whose_state_is_a_second_old() {
    let (_, server) = recorded(10_000);
    assert!(passes(&server, &[read(1, 1)], NOW));
    assert!(passes(&server, &[organization(2)], later(1000)));
    assert!(passes(&server, &[organization(2)], later(1000)));
    assert!(!passes(&server, &[organization(2)], later(1000)));
    let refused = charge(&server, &[read(1, 1), organization(2)], later(1500));
    let Decision::Refused { retry_after, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after.as_secs(), 59, "the account's only call refills a minute after its use");
}

#[test]
fn a_server_with_more_callers_than_its_capacity_still_limits_each_of_them() {
    let (shared, server) = recorded(2);
    for account in 0..50 {
        assert!(passes(&server, &[read(account, 1)], NOW));
    }
    shared.take();
    for account in 0..50 {
        assert!(!passes(&server, &[read(account, 1)], NOW), "the shared bucket of {account} has no call left");
    }
    assert!(shared.take().len() >= 48, "most calls need an exchange, since their leases were evicted");
}

/// Shared buckets that grant nothing although they are full, as if other calls were always faster, or that fail.
struct UnhelpfulBuckets {
    error: Option<fn() -> StoreError>,
    exchanges: AtomicUsize,
}

#[async_trait]
impl SharedBuckets for UnhelpfulBuckets {
    async fn exchange(&self, exchanges: &[Exchange], _: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let nothing = ExchangeResult { granted: 0, bucket: ArrivalTime::FULL };
        self.error.map_or_else(|| Ok(exchanges.iter().map(|_| nothing).collect()), |error| Err(error()))
    }

    async fn delete_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Returns the error of a call, and the number of exchanges it took.
fn error_of_a_call(error: Option<fn() -> StoreError>) -> (StoreError, usize) {
    let shared = Arc::new(UnhelpfulBuckets { error, exchanges: AtomicUsize::new(0) });
    let server = LeasedLimits::new(Arc::clone(&shared) as _, run_now, 10);
    let error = server.charge(&[read(1, 60)], NOW).now_or_never().unwrap().unwrap_err();
    (error, shared.exchanges.load(Ordering::Relaxed))
}

#[test]
fn a_call_that_gets_nothing_from_32_exchanges_fails_instead_of_trying_forever() {
    let (error, exchanges) = error_of_a_call(None);
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(exchanges, 32);
}

#[test]
fn the_failure_of_an_exchange_keeps_its_kind_and_its_text() {
    let (unavailable, exchanges) = error_of_a_call(Some(|| StoreError::Unavailable("no connection".into())));
    assert!(matches!(unavailable, StoreError::Unavailable(_)));
    assert_eq!(exchanges, 1);
    let (corrupt, _) = error_of_a_call(Some(|| StoreError::Corrupt("not a bucket".into())));
    assert!(matches!(corrupt, StoreError::Corrupt(_)));
    let texts = [unavailable, corrupt].map(|error| format!("{error:?}"));
    assert!(texts[0].contains("no connection") && texts[1].contains("not a bucket"), "{texts:?}");
}
