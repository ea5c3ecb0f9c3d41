//! The rate limits of an installation of several servers.

mod ledger;
mod slice;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{StoreError, Timestamp};

use crate::{
    bucket::BucketKey,
    decision::{Decision, nearest, refusal},
    quota::ArrivalTime,
    shared::{SharedBuckets, Take},
    store::{Charge, LimitStore},
};
use ledger::{Ledger, Question, Record, Records, Waiting, make_room};

/// The maximum number of exchanges one call waits for: concurrent calls may use up the calls of each of them.
const ROUNDS: usize = 32;

/// The number of buckets whose calls are returned in one exchange.
const TOGETHER: usize = 64;

/// Spawns a task that runs to its end even if nothing waits for it.
pub type Spawn = fn(BoxFuture<'static, ()>);

/// Enforces the limits of an installation: leases calls from [`SharedBuckets`] and allows most calls from these leases
/// without any I/O.
///
/// At low rates a lease is one call, and limits are exact. Leases grow with the rate of the server's own calls, up to
/// the calls of half a second, and up to a fiftieth of the calls in the bucket or a thousandth of the quota. Calls that
/// are not used within a second are returned: [`Self::return_unused`] must be called about once a second. With a single
/// server limits are exact at any rate. With any number of servers, the calls allowed in a minute were taken in that
/// minute or the second before: at most about 2 % more than the quota.
pub struct LeasedLimits {
    shared: Arc<dyn SharedBuckets>,
    spawn: Spawn,
    capacity: usize,
    ledger: Ledger,
}

/// The result of looking up the leases for a call.
enum Found {
    Decision(Decision),
    /// An exchange to wait for. The call must send it if it is new.
    Question {
        question: Question,
        own: bool,
        waiting: Waiting,
    },
}

impl LeasedLimits {
    /// Creates limits over these buckets, with leases for about `capacity` of them, of about 200 bytes each.
    #[must_use]
    pub fn new(shared: Arc<dyn SharedBuckets>, spawn: Spawn, capacity: usize) -> Self {
        Self { shared, spawn, capacity, ledger: Ledger::default() }
    }

    /// Returns the calls that were not used within a second, and removes leases that are no longer needed.
    ///
    /// # Errors
    /// [`StoreError`] if the shared buckets can't be reached. The calls that were to be returned are lost until they
    /// refill.
    pub async fn hand_back(&self, now: Timestamp) -> Result<(), StoreError> {
        self.give_back(now, |_, entry| entry.slice.is_idle(now)).await?;
        self.ledger.lock().retain(|_, entry| entry.is_in_use() || !entry.slice.is_blank(now));
        Ok(())
    }

    /// Returns all leased calls, when the server stops.
    ///
    /// # Errors
    /// As [`Self::return_unused`].
    pub async fn hand_back_all(&self, now: Timestamp) -> Result<(), StoreError> {
        self.give_back(now, |_, entry| entry.slice.is_held()).await
    }

    async fn give_back(
        &self,
        now: Timestamp,
        predicate: impl Fn(&BucketKey, &Record) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        loop {
            let pending = {
                let mut entries = self.ledger.lock();
                let due = entries.iter_mut().filter(|(key, entry)| !entry.is_in_use() && predicate(key, entry));
                let exchanges: Vec<Take> =
                    due.take(TOGETHER).map(|(key, entry)| entry.slice.give_back(*key, now)).collect();
                if exchanges.is_empty() {
                    return Ok(());
                }
                self.question(&mut entries, exchanges, now)
            };
            self.send(&pending);
            pending.await.map_err(again)?;
        }
    }

    /// Decides by the leases, or returns the exchange to wait for.
    fn look(&self, charges: &[Charge], now: Timestamp) -> Found {
        let mut entries = self.ledger.lock();
        make_room(&mut entries, self.capacity, now);
        for charge in charges {
            entries.entry(charge.key).or_insert_with(|| Record::of(charge)).slice.under(charge.quota);
        }
        match decide(&mut entries, charges, now) {
            Ok(decision) => Found::Decision(decision),
            Err(missing) => self.ask(&mut entries, missing, now),
        }
    }

    fn ask(&self, entries: &mut Records, missing: Vec<BucketKey>, now: Timestamp) -> Found {
        let running = missing.iter().find_map(|key| entries.get(key)?.question.clone());
        let waiter = self.ledger.wait(entries, missing.clone());
        let mut exchange = |key: &BucketKey| {
            let entry = entries.get_mut(key).filter(|entry| entry.question.is_none())?;
            Some(entry.slice.exchange(*key, entry.waiting, now))
        };
        let exchanges: Vec<Take> = missing.iter().filter_map(&mut exchange).collect();
        match running {
            Some(pending) if exchanges.is_empty() => Found::Question { question: pending, own: false, waiting: waiter },
            _ => Found::Question { question: self.question(entries, exchanges, now), own: true, waiting: waiter },
        }
    }

    /// Creates an exchange and registers it with the entries of its buckets, but does not send it: the sender must not
    /// hold the lock.
    fn question(&self, entries: &mut Records, exchanges: Vec<Take>, now: Timestamp) -> Question {
        let keys: Vec<BucketKey> = exchanges.iter().map(|exchange| exchange.key).collect();
        let (shared, leases) = (Arc::clone(&self.shared), self.ledger.clone());
        let exchange = async move {
            let outcome = shared.take(&exchanges, now).await;
            let mut entries = leases.lock();
            for (index, exchange) in exchanges.iter().enumerate() {
                let Some(entry) = entries.get_mut(&exchange.key) else { continue };
                entry.question = None;
                if let Some(result) = outcome.as_ref().ok().and_then(|results| results.get(index)) {
                    entry.slice.receive(*result, now);
                }
            }
            outcome.map(drop).map_err(Arc::new)
        };
        let pending = exchange.boxed().shared();
        for key in keys {
            if let Some(entry) = entries.get_mut(&key) {
                entry.question = Some(pending.clone());
            }
        }
        pending
    }

    fn send(&self, pending: &Question) {
        (self.spawn)(pending.clone().map(drop).boxed());
    }
}

#[async_trait]
impl LimitStore for LeasedLimits {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let mut has_exchanged = false;
        for _ in 0..ROUNDS {
            match self.look(charges, now) {
                Found::Decision(decision) => {
                    if has_exchanged && matches!(decision, Decision::Refused { .. }) {
                        // A refused call must not be charged to any bucket. If the return fails, the calls refill by
                        // themselves.
                        let is_charged = |key: &BucketKey| charges.iter().any(|charge| charge.key == *key);
                        let _ = self.give_back(now, |key, entry| is_charged(key) && entry.slice.is_untouched()).await;
                    }
                    return Ok(decision);
                }
                Found::Question { question: pending, own: is_new, waiting: waiter } => {
                    if is_new {
                        has_exchanged = true;
                        self.send(&pending);
                    }
                    pending.await.map_err(again)?;
                    drop(waiter);
                }
            }
        }
        Err(StoreError::Unavailable("too many concurrent calls wait for one rate limit bucket".into()))
    }
}

/// Charges all of these buckets or none, by their leases.
///
/// # Errors
/// The buckets that an exchange is needed for.
fn decide(entries: &mut Records, charges: &[Charge], now: Timestamp) -> Result<Decision, Vec<BucketKey>> {
    let (mut empty, mut missing) = (Vec::new(), Vec::new());
    let mut is_refused = false;
    for charge in charges {
        match entries.get(&charge.key).map(|entry| entry.slice) {
            Some(lease) if lease.has_call(now) => {}
            Some(lease) if lease.was_empty(now) => {
                empty.push((*charge, lease.bucket()));
                if lease.refuses(now) {
                    is_refused = true;
                } else {
                    missing.push(charge.key);
                }
            }
            _ => missing.push(charge.key),
        }
    }
    // A bucket whose state is too old to refuse the call still counts for the time that a refused caller must wait.
    if is_refused && let Some(refused) = refusal(&empty, now) {
        return Ok(refused);
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut spend = |charge: &Charge| {
        let entry = entries.get_mut(&charge.key)?;
        entry.slice.spend(now);
        Some((*charge, entry.slice.bucket()))
    };
    let spent: Vec<(Charge, ArrivalTime)> = charges.iter().filter_map(&mut spend).collect();
    Ok(Decision::Allowed { nearest: nearest(&spent, now) })
}

/// Wraps the shared error for each call that waited for the exchange.
fn again(error: Arc<StoreError>) -> StoreError {
    match *error {
        StoreError::Unavailable(_) => StoreError::Unavailable(Box::new(error)),
        StoreError::Corrupt(_) => StoreError::Corrupt(Box::new(error)),
    }
}
