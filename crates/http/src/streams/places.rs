//! The limits on the number of open streams.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::AccountId;

/// The limits of a server on the open streams of one kind.
pub(crate) struct Places {
    /// The maximum number of open streams per account.
    pub(super) most_of_account: usize,
    /// The maximum number of open streams on this server.
    pub(super) most: usize,
    open: Mutex<HashMap<AccountId, usize>>,
}

/// A permit for an open stream, which is returned on drop.
pub(crate) struct Place {
    places: Arc<Places>,
    account: AccountId,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Account,
    Server,
}

impl Places {
    /// Creates the limits for streams of collections. Each of those holds a database connection and a snapshot.
    pub(crate) fn of_collections() -> Self {
        Self { most_of_account: 2, most: 8, open: Mutex::default() }
    }

    /// Creates the limits for event streams. Each of those queries the database several times a second.
    pub(crate) fn of_events() -> Self {
        Self { most_of_account: 4, most: 32, open: Mutex::default() }
    }

    /// Acquires a permit for a stream of this account.
    pub(super) fn take(self: &Arc<Self>, account: AccountId) -> Result<Place, Full> {
        let mut open = self.open();
        if open.get(&account).is_some_and(|count| *count >= self.most_of_account) {
            return Err(Full::Account);
        }
        if open.values().sum::<usize>() >= self.most {
            return Err(Full::Server);
        }
        *open.entry(account).or_default() += 1;
        Ok(Place { places: Arc::clone(self), account })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open();
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
    fn an_account_has_two_places_and_gets_one_back_for_each_it_gives_up() {
        let limits = Arc::new(Places::of_collections());
        let first = limits.take(account(1)).ok();
        let _second = limits.take(account(1)).ok().unwrap();
        assert_eq!(limits.take(account(1)).err(), Some(Full::Account));
        assert!(limits.take(account(2)).is_ok());
        drop(first);
        assert!(limits.take(account(1)).is_ok());
    }

    #[test]
    fn a_server_has_eight_places_and_remembers_nobody_who_has_none() {
        let limits = Arc::new(Places::of_collections());
        let mut permits: Vec<_> = (0..8).map(|number| limits.take(account(number / 2)).ok().unwrap()).collect();
        assert_eq!(limits.take(account(9)).err(), Some(Full::Server));
        assert_eq!(limits.take(account(0)).err(), Some(Full::Account));
        permits.pop();
        permits.push(limits.take(account(9)).ok().unwrap());
        drop(permits);
        assert!(limits.open().is_empty());
    }
}
