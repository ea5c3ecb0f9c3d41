//! Servers over shared buckets that count their exchanges.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use novantra_limits::{
    BucketKey, Charge, Decision, Exchange, ExchangeResult, LeasedLimits, LimitStore, Quota, SharedBuckets,
};
use store_contract::MemoryBuckets;
use ulid::Ulid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const ORGANIZATION: OrganizationId = Id::new(Ulid(7));

pub(crate) fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

pub(crate) fn read(account: u128, per_minute: u32) -> Charge {
    Charge { key: BucketKey::TokenRead(ORGANIZATION, Ulid(account)), quota: Quota::per_minute(per_minute) }
}

pub(crate) fn organization(per_minute: u32) -> Charge {
    Charge { key: BucketKey::Organization(ORGANIZATION), quota: Quota::per_minute(per_minute) }
}

/// Shared buckets that count exchanges.
#[derive(Default)]
pub(crate) struct CountingBuckets {
    buckets: MemoryBuckets,
    exchanges: AtomicU64,
}

impl CountingBuckets {
    pub(crate) fn exchange_count(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl SharedBuckets for CountingBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        self.buckets.exchange(exchanges, now).await
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.delete_full(now, limit).await
    }
}

/// Runs a task that is ready immediately.
pub(crate) fn run_now(work: BoxFuture<'static, ()>) {
    work.now_or_never().unwrap();
}

pub(crate) fn server(shared: &Arc<CountingBuckets>) -> LeasedLimits {
    LeasedLimits::new(Arc::clone(shared) as _, run_now, 10_000)
}

/// Returns the decision on a call that does not have to wait.
pub(crate) fn charge(server: &impl LimitStore, charges: &[Charge], now: Timestamp) -> Decision {
    server.charge(charges, now).now_or_never().unwrap().unwrap()
}

pub(crate) fn passes(server: &impl LimitStore, charges: &[Charge], now: Timestamp) -> bool {
    matches!(charge(server, charges, now), Decision::Allowed { .. })
}

pub(crate) fn return_unused(server: &LeasedLimits, now: Timestamp) {
    server.return_unused(now).now_or_never().unwrap().unwrap();
}
