//! The exchanges with the shared buckets, and their failures.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use novantra_limits::{Decision, LeasedLimits, LimitStore as _, SharedBuckets, Take, Taken};
use store_contract::MemoryBuckets;
use tokio::sync::Semaphore;

use crate::support::{NOW, organization, read};

/// Shared buckets that perform an exchange only with a permit, and record the exchanges.
struct Gate {
    buckets: MemoryBuckets,
    passes: Semaphore,
    asked: Semaphore,
    wanted: Mutex<Vec<Vec<u32>>>,
    fails: Mutex<bool>,
}

#[async_trait]
impl SharedBuckets for Gate {
    async fn take(&self, exchanges: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        self.wanted.lock().unwrap().push(exchanges.iter().map(|exchange| exchange.wanted).collect());
        self.asked.add_permits(1);
        self.passes.acquire().await.unwrap().forget();
        if *self.fails.lock().unwrap() {
            return Err(StoreError::Unavailable("the buckets fail".into()));
        }
        self.buckets.take(exchanges, now).await
    }

    async fn forget_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.forget_full(now, limit).await
    }
}

impl Gate {
    async fn was_asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }
}

fn gated() -> (Arc<Gate>, Arc<LeasedLimits>) {
    let gate = Arc::new(Gate {
        buckets: MemoryBuckets::default(),
        passes: Semaphore::new(0),
        asked: Semaphore::new(0),
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
async fn all_wait() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn calls_at_once_share_a_question_and_the_next_asks_for_all_that_wait() {
    let (gate, leased) = gated();
    let calls: Vec<Call> = (0..100).map(|_| call(&leased, 1)).collect();
    gate.was_asked().await;
    all_wait().await;
    gate.passes.add_permits(2);
    for call in calls {
        assert!(matches!(call.await.unwrap().unwrap(), Decision::Allowed { .. }));
    }
    let wanted = gate.wanted.lock().unwrap().clone();
    assert_eq!(wanted[0], [1, 1]);
    assert_eq!(wanted.len(), 2, "{wanted:?}");
    assert!(wanted[1].iter().all(|wanted| *wanted >= 99), "{wanted:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_slice_to_the_next() {
    let (gate, leased) = gated();
    let cancelled = call(&leased, 1);
    gate.was_asked().await;
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    gate.passes.add_permits(1);
    all_wait().await;
    let state = call(&leased, 1).await.unwrap().unwrap().standing().unwrap();
    assert_eq!(state.remaining, 599);
    assert_eq!(gate.wanted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn where_the_buckets_fail_every_call_that_waits_is_told_and_the_next_asks_again() {
    let (gate, leased) = gated();
    *gate.fails.lock().unwrap() = true;
    let calls: Vec<Call> = (0..10).map(|_| call(&leased, 1)).collect();
    gate.was_asked().await;
    all_wait().await;
    gate.passes.add_permits(1);
    for call in calls {
        let failure = call.await.unwrap().unwrap_err();
        assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
    }
    *gate.fails.lock().unwrap() = false;
    gate.passes.add_permits(1);
    assert!(matches!(call(&leased, 1).await.unwrap().unwrap(), Decision::Allowed { .. }));
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_holds_up_no_other() {
    let (gate, leased) = gated();
    let call_one_bucket = |account: u128| {
        let leased = Arc::clone(&leased);
        tokio::spawn(async move { leased.charge(&[read(account, 600)], NOW).await })
    };
    let (stuck, other) = (call_one_bucket(1), call_one_bucket(2));
    gate.was_asked().await;
    gate.was_asked().await;
    gate.passes.add_permits(2);
    assert!(stuck.await.unwrap().is_ok() && other.await.unwrap().is_ok());
    assert_eq!(*gate.wanted.lock().unwrap(), [[1], [1]]);
}
