//! Servers over shared buckets that count their exchanges.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use novantra_limits::{BucketKey, Charge, Decision, LeasedLimits, LimitStore, Quota, SharedBuckets, Take, Taken};
use store_contract::MemoryBuckets;
use ulid::Ulid;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub(crate) const HOME: OrganizationId = Id::new(Ulid(7));

pub(crate) fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + millis)
}

pub(crate) fn read(account: u128, per_minute: u32) -> Charge {
    Charge { key: BucketKey::TokenRead(HOME, Ulid(account)), quota: Quota::per_minute(per_minute) }
}

pub(crate) fn organization(per_minute: u32) -> Charge {
    Charge { key: BucketKey::Organization(HOME), quota: Quota::per_minute(per_minute) }
}

/// Shared buckets that count exchanges.
#[derive(Default)]
pub(crate) struct Watched {
    buckets: MemoryBuckets,
    asked: AtomicU64,
}

impl Watched {
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl SharedBuckets for Watched {
    async fn take(&self, exchanges: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.buckets.take(exchanges, now).await
    }

    async fn forget_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.forget_full(now, limit).await
    }
}

/// Runs a task that is ready immediately.
pub(crate) fn at_once(work: BoxFuture<'static, ()>) {
    work.now_or_never().unwrap();
}

pub(crate) fn server(shared: &Arc<Watched>) -> LeasedLimits {
    LeasedLimits::new(Arc::clone(shared) as _, at_once, 10_000)
}

/// Returns the decision on a call that does not have to wait.
pub(crate) fn charge(server: &impl LimitStore, charges: &[Charge], now: Timestamp) -> Decision {
    server.charge(charges, now).now_or_never().unwrap().unwrap()
}

pub(crate) fn passes(server: &impl LimitStore, charges: &[Charge], now: Timestamp) -> bool {
    matches!(charge(server, charges, now), Decision::Allowed { .. })
}

pub(crate) fn hand_back(server: &LeasedLimits, now: Timestamp) {
    server.hand_back(now).now_or_never().unwrap().unwrap();
}
