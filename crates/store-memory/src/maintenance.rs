//! Maintenance: leases, expiry and health.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use store::{FUTURE_TOLERANCE, Lease, MAX_DELIVERY_DELAY, MAX_LEASE_DURATION, Maintenance};

use crate::{MemoryStore, state::LeaseRow};

#[async_trait]
impl Maintenance for MemoryStore {
    async fn acquire_lease(
        &self,
        lease: Lease,
        owner: &str,
        now: Timestamp,
        duration: Duration,
    ) -> Result<bool, StoreError> {
        self.change(|state| {
            let name = lease.name().into_owned();
            let is_taken = state.leases.get(&name).is_some_and(|row| row.owner != owner && now < row.expires_at);
            if !is_taken {
                state.leases.insert_mut(name, LeaseRow { owner: owner.to_owned(), expires_at: now + duration });
            }
            Ok(!is_taken)
        })
    }

    async fn release_lease(&self, lease: Lease, owner: &str) -> Result<(), StoreError> {
        self.change(|state| {
            let name = lease.name().into_owned();
            if state.leases.get(&name).is_some_and(|row| row.owner == owner) {
                state.leases.remove_mut(&name);
            }
            Ok(())
        })
    }

    async fn delete_expired_idempotency_keys(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| {
            let expired = state.idempotency_records.values().filter(|record| record.expires_at < now);
            let claims = state.key_claims.values().filter(|claim| claim.expires_at < now);
            let mut expired: Vec<_> = expired
                .map(|record| (record.expires_at, record.key.clone(), false))
                .chain(claims.map(|claim| (claim.expires_at, claim.key.clone(), true)))
                .collect();
            expired.sort_unstable();
            expired.truncate(limit);
            for (_, key, is_claim) in &expired {
                if *is_claim {
                    state.key_claims.remove_mut(key);
                } else {
                    state.idempotency_records.remove_mut(key);
                }
            }
            Ok(expired.len() as u64)
        })
    }

    async fn discard_future_state(&self, now: Timestamp, idempotency_retention: Duration) -> Result<(), StoreError> {
        self.change(|state| {
            let latest = now + MAX_LEASE_DURATION;
            let from_the_future: Vec<String> =
                state.leases.iter().filter(|(_, row)| row.expires_at > latest).map(|(name, _)| name.clone()).collect();
            for name in from_the_future {
                state.leases.remove_mut(&name);
            }
            state.release_partitions_leased_after(latest);
            state.make_deliveries_due_that_wait_until_after(now + MAX_DELIVERY_DELAY, now);
            state.cap_idempotency(now + idempotency_retention);
            let indexed = state.indexed.iter().filter(|(_, as_of)| **as_of > now);
            for kind in indexed.map(|(kind, _)| *kind).collect::<Vec<_>>() {
                state.indexed.insert_mut(kind, now);
            }
            let future_uses = state.last_used.iter().filter(|(_, at)| **at > now + FUTURE_TOLERANCE);
            let future_uses: Vec<_> = future_uses.map(|(account, _)| *account).collect();
            for account in future_uses {
                state.last_used.insert_mut(account, now);
            }
            Ok(())
        })
    }

    async fn check_ready(&self) -> Result<(), StoreError> {
        self.snapshot().map(drop)
    }

    async fn time(&self) -> Result<Timestamp, StoreError> {
        self.snapshot().map(|_| self.clock.now())
    }

    async fn pending_events(&self) -> Result<u64, StoreError> {
        Ok(self.snapshot()?.outbox.values().filter(|event| event.pending).count() as u64)
    }

    fn is_sole_process(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.shared.close();
    }
}
