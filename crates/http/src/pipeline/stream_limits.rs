//! The limits on the number of open streams.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::AccountId;

use crate::response::Problem;

/// The limits of a server on the open streams of one kind.
pub struct StreamLimits {
    /// The maximum number of open streams per account.
    max_per_account: usize,
    /// The maximum number of open streams on this server.
    max: usize,
    open: Mutex<HashMap<AccountId, usize>>,
}

/// A permit for an open stream, which is returned on drop.
pub struct StreamPermit {
    limits: Arc<StreamLimits>,
    account: AccountId,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitReached {
    Account,
    Server,
}

impl StreamLimits {
    /// Creates limits of this many open streams per account, and on this server.
    #[must_use]
    pub fn new(max_per_account: usize, max: usize) -> Self {
        Self { max_per_account, max, open: Mutex::default() }
    }

    /// Creates the limits for streams of collections. Each of those holds a database connection and a snapshot.
    pub(super) fn for_collections() -> Self {
        Self::new(2, 8)
    }

    /// Acquires a permit for a stream of this account.
    ///
    /// # Errors
    /// A 429 response if the account has too many streams open, and a 503 response if the server has.
    pub fn acquire(self: &Arc<Self>, account: AccountId) -> Result<StreamPermit, Problem> {
        self.try_acquire(account).map_err(|reached| match reached {
            LimitReached::Account => Problem::too_many_streams(self.max_per_account),
            LimitReached::Server => Problem::stream_limit_reached(self.max),
        })
    }

    fn try_acquire(self: &Arc<Self>, account: AccountId) -> Result<StreamPermit, LimitReached> {
        let mut open = self.open();
        if open.get(&account).is_some_and(|count| *count >= self.max_per_account) {
            return Err(LimitReached::Account);
        }
        if open.values().sum::<usize>() >= self.max {
            return Err(LimitReached::Server);
        }
        *open.entry(account).or_default() += 1;
        Ok(StreamPermit { limits: Arc::clone(self), account })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.limits.open();
        if let Some(count) = open.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;

    fn account(number: u128) -> AccountId {
        Id::new(Ulid(number))
    }

    #[test]
    fn an_account_has_two_permits_and_a_dropped_permit_can_be_acquired_again() {
        let limits = Arc::new(StreamLimits::for_collections());
        let first = limits.try_acquire(account(1)).ok();
        let _second = limits.try_acquire(account(1)).ok().unwrap();
        assert_eq!(limits.try_acquire(account(1)).err(), Some(LimitReached::Account));
        assert!(limits.try_acquire(account(2)).is_ok());
        drop(first);
        assert!(limits.try_acquire(account(1)).is_ok());
    }

    #[test]
    fn a_server_has_eight_permits_and_forgets_accounts_without_one() {
        let limits = Arc::new(StreamLimits::for_collections());
        let mut permits: Vec<_> = (0..8).map(|number| limits.try_acquire(account(number / 2)).ok().unwrap()).collect();
        assert_eq!(limits.try_acquire(account(9)).err(), Some(LimitReached::Server));
        assert_eq!(limits.try_acquire(account(0)).err(), Some(LimitReached::Account));
        permits.pop();
        permits.push(limits.try_acquire(account(9)).ok().unwrap());
        drop(permits);
        assert!(limits.open().is_empty());
    }
}
