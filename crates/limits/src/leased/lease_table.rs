//! The leases of one server on the shared buckets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared};
use kernel::{StoreError, Timestamp};

use super::slice::Slice;
use crate::{bucket::BucketKey, store::Charge};

/// An exchange with the shared buckets that is in flight. Each call that waits for it holds a clone.
pub(super) type Question = Shared<BoxFuture<'static, Result<(), Arc<StoreError>>>>;

/// The leases by their buckets.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Records>>);

pub(super) type Records = HashMap<BucketKey, Record>;

pub(super) struct Record {
    pub(super) slice: Slice,
    /// The exchange in flight for the bucket, at most one at a time.
    pub(super) question: Option<Question>,
    /// The number of calls that wait for it.
    pub(super) waiting: u32,
}

/// A guard that counts a call as waiting for the exchanges of these buckets until it is dropped.
pub(super) struct Waiting {
    ledger: Ledger,
    keys: Vec<BucketKey>,
}

impl Ledger {
    pub(super) fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, entries: &mut Records, keys: Vec<BucketKey>) -> Waiting {
        for key in &keys {
            if let Some(entry) = entries.get_mut(key) {
                entry.waiting += 1;
            }
        }
        Waiting { ledger: self.clone(), keys }
    }
}

impl Record {
    pub(super) fn of(charge: &Charge) -> Self {
        Self { slice: Slice::of(charge.quota), question: None, waiting: 0 }
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.question.is_some() || self.waiting > 0
    }
}

/// Evicts entries that are not in use if there are `capacity` entries or more. The calls of an evicted lease are lost
/// until they refill.
pub(super) fn make_room(entries: &mut Records, capacity: usize, now: Timestamp) {
    if entries.len() < capacity {
        return;
    }
    entries.retain(|_, entry| entry.is_in_use() || entry.slice.has_call(now));
    if entries.len() > capacity / 2 {
        entries.retain(|_, entry| entry.is_in_use());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut entries = self.ledger.lock();
        for key in &self.keys {
            if let Some(entry) = entries.get_mut(key) {
                entry.waiting = entry.waiting.saturating_sub(1);
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
        shared::Taken,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn entry(granted: u32) -> (BucketKey, Record) {
        let key = BucketKey::TokenWrite(Id::new(Ulid::nil()), Ulid(u128::from(granted)));
        let mut entry = Record::of(&Charge { key, quota: Quota::per_minute(1000) });
        entry.slice.receive(Taken { granted, bucket: ArrivalTime(NOW.millis() * 1000 + 60_000_000) }, NOW);
        (key, entry)
    }

    #[test]
    fn where_memory_is_full_what_holds_nothing_goes_first_and_what_is_waited_for_stays() {
        let mut entries: Records = [entry(0), entry(1)].into();
        make_room(&mut entries, 3, NOW);
        assert_eq!(entries.len(), 2, "nothing is evicted below the capacity");
        make_room(&mut entries, 2, NOW);
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [entry(1).0]);
        let with_waiter = Record { waiting: 1, ..entry(9).1 };
        entries = [entry(1), entry(2), (entry(9).0, with_waiter)].into();
        make_room(&mut entries, 2, NOW);
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), [entry(9).0]);
    }
}
