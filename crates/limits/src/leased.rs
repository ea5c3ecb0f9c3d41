//! The rate limits of an installation of several servers.

mod lease_table;
mod quota_lease;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{StoreError, Timestamp};

use crate::{
    bucket::BucketKey,
    charge::Charge,
    decision::{Decision, nearest, refusal},
    quota::ArrivalTime,
    shared::{Exchange, SharedBuckets},
    store::LimitStore,
};
use lease_table::{LeaseEntries, LeaseEntry, LeaseTable, PendingExchange, Waiter, evict};

#[cfg(test)]
mod tests;

/// The maximum number of exchanges one call waits for: concurrent calls may use up the calls of each of them.
const MAX_EXCHANGES: usize = 32;

/// The number of buckets whose calls are returned in one exchange.
const RETURN_BATCH_SIZE: usize = 64;

/// Spawns a task that runs to its end even if nothing waits for it.
pub type SpawnFn = fn(BoxFuture<'static, ()>);

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
    spawn: SpawnFn,
    capacity: usize,
    leases: LeaseTable,
}

/// The result of looking up the leases for a call.
enum Lookup {
    Decision(Decision),
    /// An exchange to wait for. The call must send it if it is new.
    Pending {
        pending: PendingExchange,
        is_new: bool,
        waiter: Waiter,
    },
}

impl LeasedLimits {
    /// Creates limits over these buckets, with leases for about `capacity` of them, of about 200 bytes each.
    #[must_use]
    pub fn new(shared: Arc<dyn SharedBuckets>, spawn: SpawnFn, capacity: usize) -> Self {
        Self { shared, spawn, capacity, leases: LeaseTable::default() }
    }

    /// Returns the calls that were not used within a second, and removes leases that are no longer needed.
    ///
    /// # Errors
    /// [`StoreError`] if the shared buckets can't be reached. The calls that were to be returned are lost until they
    /// refill.
    pub async fn return_unused(&self, now: Timestamp) -> Result<(), StoreError> {
        self.return_matching(now, |_, entry| entry.lease.is_stale(now)).await?;
        self.leases.lock().retain(|_, entry| entry.is_in_use() || !entry.lease.is_removable(now));
        Ok(())
    }

    /// Returns all leased calls, when the server stops.
    ///
    /// # Errors
    /// As [`Self::return_unused`].
    pub async fn return_all(&self, now: Timestamp) -> Result<(), StoreError> {
        self.return_matching(now, |_, entry| entry.lease.has_unused()).await
    }

    async fn return_matching(
        &self,
        now: Timestamp,
        predicate: impl Fn(&BucketKey, &LeaseEntry) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        loop {
            let pending = {
                let mut entries = self.leases.lock();
                let due = entries.iter_mut().filter(|(key, entry)| !entry.is_in_use() && predicate(key, entry));
                let exchanges: Vec<Exchange> =
                    due.take(RETURN_BATCH_SIZE).map(|(key, entry)| entry.lease.return_unused(*key, now)).collect();
                if exchanges.is_empty() {
                    return Ok(());
                }
                self.new_exchange(&mut entries, exchanges, now)
            };
            self.send(&pending);
            pending.await.map_err(shared_error)?;
        }
    }

    /// Decides by the leases, or returns the exchange to wait for.
    fn lookup(&self, charges: &[Charge], now: Timestamp) -> Lookup {
        let mut entries = self.leases.lock();
        evict(&mut entries, self.capacity, now);
        for charge in charges {
            entries.entry(charge.key).or_insert_with(|| LeaseEntry::new(charge)).lease.set_quota(charge.quota);
        }
        match decide(&mut entries, charges, now) {
            Ok(decision) => Lookup::Decision(decision),
            Err(missing) => self.exchange_missing(&mut entries, missing, now),
        }
    }

    fn exchange_missing(&self, entries: &mut LeaseEntries, missing: Vec<BucketKey>, now: Timestamp) -> Lookup {
        let running = missing.iter().find_map(|key| entries.get(key)?.pending.clone());
        let waiter = self.leases.add_waiter(entries, missing.clone());
        let mut exchange = |key: &BucketKey| {
            let entry = entries.get_mut(key).filter(|entry| entry.pending.is_none())?;
            Some(entry.lease.exchange(*key, entry.waiters, now))
        };
        let exchanges: Vec<Exchange> = missing.iter().filter_map(&mut exchange).collect();
        match running {
            Some(pending) if exchanges.is_empty() => Lookup::Pending { pending, is_new: false, waiter },
            _ => Lookup::Pending { pending: self.new_exchange(entries, exchanges, now), is_new: true, waiter },
        }
    }

    /// Creates an exchange and registers it with the entries of its buckets, but does not send it: the sender must not
    /// hold the lock.
    fn new_exchange(&self, entries: &mut LeaseEntries, exchanges: Vec<Exchange>, now: Timestamp) -> PendingExchange {
        let keys: Vec<BucketKey> = exchanges.iter().map(|exchange| exchange.key).collect();
        let (shared, leases) = (Arc::clone(&self.shared), self.leases.clone());
        let exchange = async move {
            let outcome = shared.exchange(&exchanges, now).await;
            let mut entries = leases.lock();
            for (index, exchange) in exchanges.iter().enumerate() {
                let Some(entry) = entries.get_mut(&exchange.key) else { continue };
                entry.pending = None;
                if let Some(result) = outcome.as_ref().ok().and_then(|results| results.get(index)) {
                    entry.lease.receive(*result, now);
                }
            }
            outcome.map(drop).map_err(Arc::new)
        };
        let pending = exchange.boxed().shared();
        for key in keys {
            if let Some(entry) = entries.get_mut(&key) {
                entry.pending = Some(pending.clone());
            }
        }
        pending
    }

    fn send(&self, pending: &PendingExchange) {
        (self.spawn)(pending.clone().map(drop).boxed());
    }
}

#[async_trait]
impl LimitStore for LeasedLimits {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let mut has_exchanged = false;
        for _ in 0..MAX_EXCHANGES {
            match self.lookup(charges, now) {
                Lookup::Decision(decision) => {
                    if has_exchanged && matches!(decision, Decision::Refused { .. }) {
                        // A refused call must not be charged to any bucket. If the return fails, the calls refill by
                        // themselves.
                        let is_charged = |key: &BucketKey| charges.iter().any(|charge| charge.key == *key);
                        let _ =
                            self.return_matching(now, |key, entry| is_charged(key) && entry.lease.is_unused()).await;
                    }
                    return Ok(decision);
                }
                Lookup::Pending { pending, is_new, waiter } => {
                    if is_new {
                        has_exchanged = true;
                        self.send(&pending);
                    }
                    pending.await.map_err(shared_error)?;
                    drop(waiter);
                }
            }
        }
        Err(StoreError::Unavailable("too many concurrent calls wait for one rate limit bucket".into()))
    }

    fn refund(&self, charges: &[Charge], _: Timestamp) {
        let mut entries = self.leases.lock();
        for charge in charges {
            if let Some(entry) = entries.get_mut(&charge.key) {
                entry.lease.refund();
            }
        }
    }
}

/// Charges all of these buckets or none, by their leases.
///
/// # Errors
/// The buckets that an exchange is needed for.
fn decide(entries: &mut LeaseEntries, charges: &[Charge], now: Timestamp) -> Result<Decision, Vec<BucketKey>> {
    let (mut empty, mut missing) = (Vec::new(), Vec::new());
    let mut is_refused = false;
    for charge in charges {
        match entries.get(&charge.key).map(|entry| entry.lease) {
            Some(lease) if lease.can_spend(now) => {}
            Some(lease) if lease.was_empty(now) => {
                empty.push((*charge, lease.bucket()));
                if lease.is_currently_empty(now) {
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
        entry.lease.spend(now);
        Some((*charge, entry.lease.bucket()))
    };
    let spent: Vec<(Charge, ArrivalTime)> = charges.iter().filter_map(&mut spend).collect();
    Ok(Decision::Allowed { nearest: nearest(&spent, now) })
}

/// Wraps the shared error for each call that waited for the exchange.
fn shared_error(error: Arc<StoreError>) -> StoreError {
    match *error {
        StoreError::Unavailable(_) => StoreError::Unavailable(Box::new(error)),
        StoreError::Corrupt(_) => StoreError::Corrupt(Box::new(error)),
    }
}
