//! The limit on the responses that are kept for the idempotency keys of an account.
//!
//! A response that is kept can't be dropped before its time, because the write would be executed again. So an account
//! that keeps too many is refused further writes with keys; those without a key are not affected.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::{StoreError, Timestamp};
use store::DynStore;
use ulid::Ulid;

use crate::{request::Principal, response::Problem};

/// The time after which the responses of an account are measured again: some have expired since, and other servers have
/// stored some.
const MEASURED_FOR: Duration = Duration::from_secs(600);

/// The maximum number of accounts whose usage is cached at a time.
const MAX_ACCOUNTS: usize = 10_000;

/// The bytes that are kept for each account, as last measured, with what this server has stored since.
#[derive(Default)]
pub(crate) struct KeptResponses {
    accounts: Mutex<HashMap<Ulid, Usage>>,
}

#[derive(Clone, Copy)]
struct Usage {
    bytes: u64,
    measured_at: Timestamp,
}

impl Usage {
    /// Whether the measurement can still be used. Not if the clock was set back since.
    fn is_current(self, now: Timestamp) -> bool {
        self.measured_at <= now && now.since(self.measured_at) < MEASURED_FOR
    }
}

impl KeptResponses {
    /// Checks that the account may keep another response.
    pub(crate) async fn check(
        &self,
        store: &DynStore,
        principal: &Principal,
        max: u64,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let account = principal.id();
        let current = self.lock().get(&account).copied().filter(|usage| usage.is_current(now));
        let usage = match current {
            Some(usage) => usage,
            None => self.measure(store, principal, now).await?,
        };
        if usage.bytes < max { Ok(()) } else { Err(Problem::too_many_kept_responses(max, MEASURED_FOR)) }
    }

    async fn measure(&self, store: &DynStore, principal: &Principal, now: Timestamp) -> Result<Usage, StoreError> {
        let account = principal.id();
        let bytes = store.stored_response_bytes(principal.organization(), account).await?;
        let usage = Usage { bytes, measured_at: now };
        let mut accounts = self.lock();
        if accounts.len() >= MAX_ACCOUNTS {
            accounts.retain(|_, usage| usage.is_current(now));
        }
        if accounts.len() < MAX_ACCOUNTS {
            accounts.insert(account, usage);
        }
        Ok(usage)
    }

    /// Adds a response that was stored.
    pub(crate) fn add(&self, account: Ulid, bytes: usize) {
        if let Some(usage) = self.lock().get_mut(&account) {
            usage.bytes = usage.bytes.saturating_add(bytes as u64);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Ulid, Usage>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
