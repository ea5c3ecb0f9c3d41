//! How many streams are open at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::AccountId;

/// The places of a server for streams of one sort.
pub(crate) struct Places {
    /// How many of one account are open at a time.
    pub(super) most_of_account: usize,
    /// How many are open at a time.
    pub(super) most: usize,
    open: Mutex<HashMap<AccountId, usize>>,
}

/// A place that is taken until this is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    account: AccountId,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Account,
    Server,
}

impl Places {
    /// For streams of whole collections: each holds a connection to the database and a snapshot.
    pub(crate) fn of_collections() -> Self {
        Self { most_of_account: 2, most: 8, open: Mutex::default() }
    }

    /// For streams of events: each asks the database several times a second.
    pub(crate) fn of_events() -> Self {
        Self { most_of_account: 4, most: 32, open: Mutex::default() }
    }

    /// Takes a place for a stream of this account.
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
        let places = Arc::new(Places::of_collections());
        let first = places.take(account(1)).ok();
        let _second = places.take(account(1)).ok().unwrap();
        assert_eq!(places.take(account(1)).err(), Some(Full::Account));
        assert!(places.take(account(2)).is_ok());
        drop(first);
        assert!(places.take(account(1)).is_ok());
    }

    #[test]
    fn a_server_has_eight_places_and_remembers_nobody_who_has_none() {
        let places = Arc::new(Places::of_collections());
        let mut taken: Vec<_> = (0..8).map(|number| places.take(account(number / 2)).ok().unwrap()).collect();
        assert_eq!(places.take(account(9)).err(), Some(Full::Server));
        assert_eq!(places.take(account(0)).err(), Some(Full::Account));
        taken.pop();
        taken.push(places.take(account(9)).ok().unwrap());
        drop(taken);
        assert!(places.open().is_empty());
    }
}
