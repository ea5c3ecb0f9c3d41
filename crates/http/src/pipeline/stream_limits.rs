//! The limits on the number of open streams.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernel::OrganizationId;
use ulid::Ulid;

use crate::{request::Principal, response::Problem};

/// The limits of a server on the open streams of one kind.
pub struct StreamLimits {
    /// The maximum number of open streams per account.
    max_per_account: usize,
    /// The maximum number of open streams on this server, of which an organization may have half.
    max: usize,
    /// The advice to a client that does not want to wait for a stream.
    alternative: &'static str,
    open: Mutex<OpenStreams>,
}

/// The numbers of open streams.
#[derive(Default)]
struct OpenStreams {
    of_accounts: HashMap<Ulid, usize>,
    of_organizations: HashMap<OrganizationId, usize>,
}

/// A permit for an open stream, which is returned on drop.
pub struct StreamPermit {
    limits: Arc<StreamLimits>,
    organization: OrganizationId,
    account: Ulid,
}

/// The limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitReached {
    Account,
    Organization,
    Server,
}

impl StreamLimits {
    /// Creates limits of this many open streams per account, and on this server. `alternative` completes the advice to
    /// try again later.
    #[must_use]
    pub fn new(max_per_account: usize, max: usize, alternative: &'static str) -> Self {
        Self { max_per_account, max, alternative, open: Mutex::default() }
    }

    /// Creates the limits for streams of collections. Each of those holds a database connection and a snapshot.
    pub(super) fn for_collections() -> Self {
        Self::new(2, 8, "read the list in pages")
    }

    /// Acquires a permit for a stream of this principal.
    ///
    /// # Errors
    /// A 429 response if the account or its organization has too many streams open, and a 503 response if the server
    /// has.
    pub fn acquire(self: &Arc<Self>, principal: &Principal) -> Result<StreamPermit, Problem> {
        let (organization, account) = (principal.organization(), principal.id());
        self.try_acquire(organization, account).map_err(|reached| match reached {
            LimitReached::Account => Problem::too_many_streams("account", self.max_per_account, self.alternative),
            LimitReached::Organization => {
                Problem::too_many_streams("organization", self.max_per_organization(), self.alternative)
            }
            LimitReached::Server => Problem::stream_limit_reached(self.max, self.alternative),
        })
    }

    fn try_acquire(
        self: &Arc<Self>,
        organization: OrganizationId,
        account: Ulid,
    ) -> Result<StreamPermit, LimitReached> {
        let mut open = self.open();
        let OpenStreams { of_accounts, of_organizations } = &mut *open;
        let all = of_organizations.values().sum::<usize>();
        let of_account = of_accounts.get(&account).copied().unwrap_or_default();
        let of_organization = of_organizations.get(&organization).copied().unwrap_or_default();
        if of_account >= self.max_per_account {
            return Err(LimitReached::Account);
        }
        if of_organization >= self.max_per_organization() {
            return Err(LimitReached::Organization);
        }
        if all >= self.max {
            return Err(LimitReached::Server);
        }
        of_accounts.insert(account, of_account + 1);
        of_organizations.insert(organization, of_organization + 1);
        Ok(StreamPermit { limits: Arc::clone(self), organization, account })
    }

    fn max_per_organization(&self) -> usize {
        self.max / 2
    }

    fn open(&self) -> MutexGuard<'_, OpenStreams> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.limits.open();
        remove_one(&mut open.of_accounts, self.account);
        remove_one(&mut open.of_organizations, self.organization);
    }
}

/// Counts one stream less, and forgets a key without any.
fn remove_one<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id;

    use super::*;

    /// Opens a stream of an account, by its number and that of its organization.
    fn open(limits: &Arc<StreamLimits>, organization: u128, account: u128) -> Result<StreamPermit, LimitReached> {
        limits.try_acquire(Id::new(Ulid(organization)), Ulid(account))
    }

    #[test]
    fn an_account_has_two_permits_and_a_dropped_permit_can_be_acquired_again() {
        let limits = Arc::new(StreamLimits::for_collections());
        let first = open(&limits, 1, 1).ok();
        let _second = open(&limits, 1, 1).ok().unwrap();
        assert_eq!(open(&limits, 1, 1).err(), Some(LimitReached::Account));
        assert!(open(&limits, 1, 2).is_ok());
        drop(first);
        assert!(open(&limits, 1, 1).is_ok());
    }

    #[test]
    fn the_accounts_of_an_organization_leave_half_of_the_permits_to_others() {
        let limits = Arc::new(StreamLimits::for_collections());
        let mut permits: Vec<_> = (0..4).map(|account| open(&limits, 1, account).ok().unwrap()).collect();
        assert_eq!(open(&limits, 1, 9).err(), Some(LimitReached::Organization));
        permits.extend((10..14).map(|account| open(&limits, 2, account).ok().unwrap()));
        permits.remove(0);
        assert!(open(&limits, 1, 9).is_ok());
    }

    #[test]
    fn a_server_has_eight_permits_and_forgets_holders_without_one() {
        let limits = Arc::new(StreamLimits::for_collections());
        let mut permits: Vec<_> = (0..8).map(|number| open(&limits, number / 4, number / 2).ok().unwrap()).collect();
        assert_eq!(open(&limits, 9, 9).err(), Some(LimitReached::Server));
        assert_eq!(open(&limits, 0, 0).err(), Some(LimitReached::Account));
        permits.pop();
        permits.push(open(&limits, 9, 9).ok().unwrap());
        drop(permits);
        let open = limits.open();
        assert!(open.of_accounts.is_empty() && open.of_organizations.is_empty());
    }
}
