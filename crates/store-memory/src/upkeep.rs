//! Maintenance: leases, expiry and health.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use store::{Lease, Upkeep};

use crate::{MemoryStore, state::Held};

#[async_trait]
impl Upkeep for MemoryStore {
    async fn hold(&self, lease: Lease, owner: &str, now: Timestamp, duration: Duration) -> Result<bool, StoreError> {
        self.change(|state| {
            let is_taken = state.leases.get(lease.name()).is_some_and(|row| row.holder != owner && now < row.until);
            if !is_taken {
                state.leases.insert_mut(lease.name(), Held { holder: owner.to_owned(), until: now + duration });
            }
            Ok(!is_taken)
        })
    }

    async fn release(&self, lease: Lease, owner: &str) -> Result<(), StoreError> {
        self.change(|state| {
            if state.leases.get(lease.name()).is_some_and(|row| row.holder == owner) {
                state.leases.remove_mut(lease.name());
            }
            Ok(())
        })
    }

    async fn forget_expired(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| {
            let expired = state.claims.values().filter(|record| record.expires_at < now);
            let mut expired: Vec<_> = expired.map(|record| (record.expires_at, record.key.clone())).collect();
            expired.sort_unstable();
            expired.truncate(limit);
            for (_, key) in &expired {
                state.claims.remove_mut(key);
            }
            Ok(expired.len() as u64)
        })
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.snapshot().map(drop)
    }

    async fn time(&self) -> Result<Timestamp, StoreError> {
        self.snapshot().map(|_| self.clock.now())
    }

    async fn pending_events(&self) -> Result<u64, StoreError> {
        Ok(self.snapshot()?.outbox.values().filter(|event| event.waits).count() as u64)
    }

    fn alone(&self) -> bool {
        true
    }

    async fn close(&self) {
        *self.lock() = None;
    }
}
