//! The leases of one server on the shared buckets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared};
use kernel::{StoreError, Timestamp};

use super::quota_lease::QuotaLease;
use crate::{bucket::BucketKey, charge::Charge};

/// An exchange with the shared buckets that is in flight. Each call that waits for it holds a clone.
pub(super) type PendingExchange = Shared<BoxFuture<'static, Result<(), Arc<StoreError>>>>;

/// The leases by their buckets.
#[derive(Clone, Default)]
pub(super) struct LeaseTable(Arc<Mutex<LeaseEntries>>);

pub(super) type LeaseEntries = HashMap<BucketKey, LeaseEntry>;

pub(super) struct LeaseEntry {
    pub(super) lease: QuotaLease,
    /// The exchange in flight for the bucket, at most one at a time.
    pub(super) pending: Option<PendingExchange>,
    /// The number of calls that wait for it.
    pub(super) waiters: u32,
}

/// A guard that counts a call as waiting for the exchanges of these buckets until it is dropped.
pub(super) struct Waiter {
    table: LeaseTable,
    keys: Vec<BucketKey>,
}

impl LeaseTable {
    pub(super) fn lock(&self) -> MutexGuard<'_, LeaseEntries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_waiter(&self, entries: &mut LeaseEntries, keys: Vec<BucketKey>) -> Waiter {
        for key in &keys {
            if let Some(entry) = entries.get_mut(key) {
                entry.waiters += 1;
            }
        }
        Waiter { table: self.clone(), keys }
    }
}

impl LeaseEntry {
    pub(super) fn new(charge: &Charge) -> Self {
        Self { lease: QuotaLease::new(charge.quota), pending: None, waiters: 0 }
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.pending.is_some() || self.waiters > 0
    }
}

/// Evicts entries that are not in use if there are `capacity` entries or more. The calls of an evicted lease are lost
/// until they refill.
pub(super) fn evict(entries: &mut LeaseEntries, capacity: usize, now: Timestamp) {
    if entries.len() < capacity {
        return;
    }
    entries.retain(|_, entry| entry.is_in_use() || entry.lease.can_spend(now));
    if entries.len() > capacity / 2 {
        entries.retain(|_, entry| entry.is_in_use());
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut entries = self.table.lock();
        for key in &self.keys {
            if let Some(entry) = entries.get_mut(key) {
                entry.waiters = entry.waiters.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;
    use crate::{
        quota::{ArrivalTime, Quota},
        shared::ExchangeResult,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn entry(granted: u32) -> (BucketKey, LeaseEntry) {
        let key = BucketKey::TokenWrite(Id::new(Ulid::nil()), Ulid(u128::from(granted)));
        let mut entry = LeaseEntry::new(&Charge { key, quota: Quota::per_minute(1000) });
        entry.lease.receive(ExchangeResult { granted, bucket: ArrivalTime(NOW.millis() * 1000 + 60_000_000) }, NOW);
        (key, entry)
    }

    #[test]
    fn entries_without_calls_are_evicted_first_and_entries_with_waiters_stay() {
        let mut entries: LeaseEntries = [entry(0), entry(1)].into();
        evict(&mut entries, 3, NOW);
        assert_eq!(entries.len(), 2, "nothing is evicted below the capacity");
        evict(&mut entries, 2, NOW);
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [entry(1).0]);
        let with_waiter = LeaseEntry { waiters: 1, ..entry(9).1 };
        entries = [entry(1), entry(2), (entry(9).0, with_waiter)].into();
        evict(&mut entries, 2, NOW);
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [entry(9).0]);
    }

    #[test]
    fn leases_with_calls_stay_only_if_they_fill_at_most_half_of_the_capacity() {
        for (with_calls, left) in [(2, 2), (3, 0)] {
            let mut entries: LeaseEntries = (1..=with_calls).map(entry).collect();
            let without_calls = (10..14 - with_calls).map(|id| (entry(id).0, entry(0).1));
            entries.extend(without_calls);
            assert_eq!(entries.len(), 4);
            evict(&mut entries, 4, NOW);
            assert_eq!(entries.len(), left, "{with_calls} of 4 leases have calls");
        }
    }

    #[test]
    fn a_lease_is_in_use_while_a_call_waits_for_it_or_an_exchange_is_in_flight() {
        let pending: PendingExchange = futures_util::FutureExt::shared(Box::pin(std::future::pending()));
        assert!(!entry(1).1.is_in_use());
        assert!(LeaseEntry { waiters: 1, ..entry(1).1 }.is_in_use());
        assert!(LeaseEntry { pending: Some(pending), ..entry(1).1 }.is_in_use());
    }

    #[test]
    fn a_call_counts_as_waiting_for_each_of_its_buckets_until_it_is_dropped() {
        let table = LeaseTable::default();
        let (both, one, evicted) = (entry(1), entry(2), entry(3).0);
        let (first, second) = (both.0, one.0);
        table.lock().extend([both, one]);
        let waiters = || [first, second].map(|key| table.lock()[&key].waiters);
        let add = |keys| table.add_waiter(&mut table.lock(), keys);
        let (two_buckets, one_bucket) = (add(vec![first, second, evicted]), add(vec![first]));
        assert_eq!(waiters(), [2, 1]);
        drop(one_bucket);
        assert_eq!(waiters(), [1, 1]);
        drop(two_buckets);
        assert_eq!(waiters(), [0, 0]);
    }
}
