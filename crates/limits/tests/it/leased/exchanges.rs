//! The exchanges with the shared buckets, and their failures.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use novantra_limits::{
    ArrivalTime, Charge, Decision, Exchange, ExchangeResult, LeasedLimits, LimitStore as _, SharedBuckets,
};
use store_contract::MemoryBuckets;
use tokio::sync::Semaphore;

use super::support::{NOW, organization, read};

/// Shared buckets that perform an exchange only with a permit, and record the exchanges.
struct GatedBuckets {
    buckets: MemoryBuckets,
    permits: Semaphore,
    started: Semaphore,
    wanted: Mutex<Vec<Vec<u32>>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl SharedBuckets for GatedBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.wanted.lock().unwrap().push(exchanges.iter().map(|exchange| exchange.wanted).collect());
        self.started.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
        if *self.fails.lock().unwrap() {
            return Err(StoreError::Unavailable("the buckets fail".into()));
        }
        self.buckets.exchange(exchanges, now).await
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.delete_full(now, limit).await
    }
}

impl GatedBuckets {
    async fn wait_for_exchange(&self) {
        self.started.acquire().await.unwrap().forget();
    }
}

fn gated() -> (Arc<GatedBuckets>, Arc<LeasedLimits>) {
    let gate = Arc::new(GatedBuckets {
        buckets: MemoryBuckets::default(),
        permits: Semaphore::new(0),
        started: Semaphore::new(0),
        wanted: Mutex::default(),
        fails: Mutex::new(false),
    });
    let spawn = |work| drop(tokio::spawn(work));
    (Arc::clone(&gate), Arc::new(LeasedLimits::new(gate, spawn, 1000)))
}

type Call = tokio::task::JoinHandle<Result<Decision, StoreError>>;

fn call(leased: &Arc<LeasedLimits>, account: u128) -> Call {
    let leased = Arc::clone(leased);
    tokio::spawn(async move { leased.charge(&[read(account, 600), organization(3000)], NOW).await })
}

/// Lets every other task run until it waits.
async fn run_until_all_wait() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn concurrent_calls_share_an_exchange_and_the_next_one_takes_enough_for_all_waiters() {
    let (gate, leased) = gated();
    let calls: Vec<Call> = (0..100).map(|_| call(&leased, 1)).collect();
    gate.wait_for_exchange().await;
    run_until_all_wait().await;
    gate.permits.add_permits(2);
    for call in calls {
        assert!(matches!(call.await.unwrap().unwrap(), Decision::Allowed { .. }));
    }
    let wanted = gate.wanted.lock().unwrap().clone();
    assert_eq!(wanted[0], [1, 1]);
    assert_eq!(wanted.len(), 2, "{wanted:?}");
    assert!(wanted[1].iter().all(|wanted| *wanted >= 99), "{wanted:?}");
}

#[tokio::test]
async fn a_cancelled_call_leaves_its_lease_to_the_next_call() {
    let (gate, leased) = gated();
    let cancelled = call(&leased, 1);
    gate.wait_for_exchange().await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    gate.permits.add_permits(1);
    run_until_all_wait().await;
    let state = call(&leased, 1).await.unwrap().unwrap().bucket_state().unwrap();
    assert_eq!(state.remaining, 599);
    assert_eq!(gate.wanted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_exchange_is_finished_even_if_the_call_that_sent_it_was_cancelled() {
    let (gate, leased) = gated();
    let cancelled = call(&leased, 1);
    gate.wait_for_exchange().await;
    cancelled.abort();
    gate.permits.add_permits(1);
    run_until_all_wait().await;
    let Charge { key, quota } = organization(3000);
    let nothing = Exchange { key, quota, at_least: ArrivalTime::FULL, returned: 0, wanted: 0 };
    let bucket = gate.buckets.exchange(&[nothing], NOW).await.unwrap()[0].bucket;
    assert_eq!(quota.remaining(bucket, NOW), 2999);
}

#[tokio::test]
async fn a_call_exchanges_its_other_buckets_while_one_of_them_is_in_flight() {
    let (gate, leased) = gated();
    let calls = [&[organization(3000)][..], &[organization(3000), read(1, 600)]].map(|charges| {
        let (leased, charges) = (Arc::clone(&leased), charges.to_vec());
        tokio::spawn(async move { leased.charge(&charges, NOW).await })
    });
    run_until_all_wait().await;
    assert_eq!(*gate.wanted.lock().unwrap(), [[1], [1]]);
    gate.permits.add_permits(3);
    for call in calls {
        assert!(matches!(call.await.unwrap().unwrap(), Decision::Allowed { .. }));
    }
}

#[tokio::test]
async fn a_failed_exchange_fails_every_waiting_call_and_the_next_call_starts_another() {
    let (gate, leased) = gated();
    *gate.fails.lock().unwrap() = true;
    let calls: Vec<Call> = (0..10).map(|_| call(&leased, 1)).collect();
    gate.wait_for_exchange().await;
    run_until_all_wait().await;
    gate.permits.add_permits(1);
    for call in calls {
        let failure = call.await.unwrap().unwrap_err();
        assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
    }
    *gate.fails.lock().unwrap() = false;
    gate.permits.add_permits(1);
    assert!(matches!(call(&leased, 1).await.unwrap().unwrap(), Decision::Allowed { .. }));
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_does_not_delay_other_buckets() {
    let (gate, leased) = gated();
    let call_one_bucket = |account: u128| {
        let leased = Arc::clone(&leased);
        tokio::spawn(async move { leased.charge(&[read(account, 600)], NOW).await })
    };
    let (stuck, other) = (call_one_bucket(1), call_one_bucket(2));
    gate.wait_for_exchange().await;
    gate.wait_for_exchange().await;
    gate.permits.add_permits(2);
    assert!(stuck.await.unwrap().is_ok() && other.await.unwrap().is_ok());
    assert_eq!(*gate.wanted.lock().unwrap(), [[1], [1]]);
}
