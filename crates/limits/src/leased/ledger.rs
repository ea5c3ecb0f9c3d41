//! What one server knows of all shared buckets it has met.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared};
use kernel::{StoreError, Timestamp};

use super::slice::Slice;
use crate::{bucket::BucketKey, store::Charge};

/// A question to the shared buckets that was not answered yet; whoever waits for the answer holds one.
pub(super) type Question = Shared<BoxFuture<'static, Result<(), Arc<StoreError>>>>;

/// The slices by their buckets.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Records>>);

pub(super) type Records = HashMap<BucketKey, Record>;

pub(super) struct Record {
    pub(super) slice: Slice,
    /// What is being asked about the bucket: one question at a time.
    pub(super) question: Option<Question>,
    /// How many calls wait for its answer.
    pub(super) waiting: u32,
}

/// A call that waits for what is asked about these buckets, until this is dropped.
pub(super) struct Waiting {
    ledger: Ledger,
    keys: Vec<BucketKey>,
}

impl Ledger {
    pub(super) fn lock(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, records: &mut Records, keys: Vec<BucketKey>) -> Waiting {
        for key in &keys {
            if let Some(record) = records.get_mut(key) {
                record.waiting += 1;
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

/// Forgets what is not in use where more than so many are known: what is held of them is lost until it refills.
pub(super) fn make_room(records: &mut Records, capacity: usize, now: Timestamp) {
    if records.len() < capacity {
        return;
    }
    records.retain(|_, record| record.is_in_use() || record.slice.has_call(now));
    if records.len() > capacity / 2 {
        records.retain(|_, record| record.is_in_use());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut records = self.ledger.lock();
        for key in &self.keys {
            if let Some(record) = records.get_mut(key) {
                record.waiting = record.waiting.saturating_sub(1);
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

    fn record(held: u32) -> (BucketKey, Record) {
        let key = BucketKey::TokenWrite(Id::new(Ulid::nil()), Ulid(u128::from(held)));
        let mut record = Record::of(&Charge { key, quota: Quota::per_minute(1000) });
        record.slice.receive(Taken { granted: held, bucket: ArrivalTime(NOW.millis() * 1000 + 60_000_000) }, NOW);
        (key, record)
    }

    #[test]
    fn where_memory_is_full_what_holds_nothing_goes_first_and_what_is_waited_for_stays() {
        let mut records: Records = [record(0), record(1)].into();
        make_room(&mut records, 3, NOW);
        assert_eq!(records.len(), 2, "there is room");
        make_room(&mut records, 2, NOW);
        assert_eq!(records.keys().copied().collect::<Vec<_>>(), [record(1).0]);
        let waited_for = Record { waiting: 1, ..record(9).1 };
        records = [record(1), record(2), (record(9).0, waited_for)].into();
        make_room(&mut records, 2, NOW);
        assert_eq!(records.keys().copied().collect::<Vec<_>>(), [record(9).0]);
    }
}
