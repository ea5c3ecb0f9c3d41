//! Counts the calls of service accounts, in memory until they are stored with those of other servers.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use auth::{Account, AccountId};
use kernel::{OrganizationId, StoreError, Timestamp};
use store::{AccountCalls, CallSpan, CallTotals, DynStore};

/// The maximum number of minutes of accounts that are counted at once, which bounds the memory while the store is
/// unavailable. Further ones are not counted.
const MAX_COUNTED: usize = 20_000;

/// The number of minutes that are stored in one transaction.
const BATCH: usize = 250;

type Key = (OrganizationId, AccountId, Timestamp);

/// The calls that were counted and are not stored yet, by account and minute.
#[derive(Default)]
pub(crate) struct CallCounter {
    calls: Mutex<BTreeMap<Key, CallTotals>>,
}

impl CallCounter {
    /// Counts a call that was answered at `now` with this HTTP status.
    pub(crate) fn count(&self, account: &Account, status: u16, now: Timestamp) {
        let key = (account.meta.organization, account.meta.id, CallSpan::Minute.start_of(now));
        self.add(key, CallTotals::of_status(status));
    }

    fn add(&self, key: Key, calls: CallTotals) {
        let mut counted = self.lock();
        if counted.len() < MAX_COUNTED || counted.contains_key(&key) {
            counted.entry(key).or_default().add(calls);
        }
    }

    /// Stores the calls that were counted. Those that could not be stored are kept for the next attempt.
    pub(crate) async fn store(&self, store: &DynStore) -> Result<(), StoreError> {
        let counted: Vec<(Key, CallTotals)> = std::mem::take(&mut *self.lock()).into_iter().collect();
        let mut waiting = counted.as_slice();
        while !waiting.is_empty() {
            let (batch, rest) = waiting.split_at(BATCH.min(waiting.len()));
            if let Err(error) = store.add_calls(&rows(batch)).await {
                for (key, calls) in waiting {
                    self.add(*key, *calls);
                }
                return Err(error);
            }
            waiting = rest;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, CallTotals>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the rows of each span for the calls of minutes.
fn rows(minutes: &[(Key, CallTotals)]) -> Vec<AccountCalls> {
    let row = |span: CallSpan| {
        minutes.iter().map(move |((organization, account, minute), calls)| AccountCalls {
            organization: *organization,
            account: *account,
            span,
            starts_at: span.start_of(*minute),
            calls: *calls,
        })
    };
    CallSpan::ALL.iter().copied().flat_map(row).collect()
}
