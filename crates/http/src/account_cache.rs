//! A cache of service accounts. A cached account is only used after its revision was checked to be the current one in
//! the store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use auth::{Account, AccountId, actor};
use kernel::{Actor, Organization, OrganizationId, OrganizationRef, Reader, Revision, StoreError, Timestamp};
use store::DynStore;

/// The number of accounts in the cache, which bounds its memory. It is far more than an installation has.
const MAX_ACCOUNTS: usize = 10_000;

/// The cached accounts by their identifier.
#[derive(Default)]
pub(crate) struct AccountCache {
    accounts: Mutex<HashMap<AccountId, Arc<CachedAccount>>>,
}

/// An account with its audit actor and its organization, as they were last read.
pub(crate) struct CachedAccount {
    pub(crate) account: Arc<Account>,
    pub(crate) actor: Actor,
    pub(crate) organization: OrganizationRef,
    last_used: Arc<LastUsed>,
}

/// The time of an account's last request, in milliseconds since 1970, until it is stored. All revisions of the account
/// share it.
struct LastUsed(AtomicI64);

impl LastUsed {
    const NONE: i64 = i64::MIN;

    fn take(&self) -> Option<Timestamp> {
        let millis = self.0.swap(Self::NONE, Ordering::Relaxed);
        (millis != Self::NONE).then(|| Timestamp::from_millis(millis))
    }

    fn set(&self, at: Timestamp) {
        self.0.fetch_max(at.millis(), Ordering::Relaxed);
    }

    fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::NONE
    }
}

impl Default for LastUsed {
    fn default() -> Self {
        Self(AtomicI64::new(Self::NONE))
    }
}

impl CachedAccount {
    /// The organization in whose audit log the account's requests are recorded, and the actor they are recorded under.
    pub(crate) fn audit_identity(&self) -> (OrganizationId, Actor) {
        (self.organization.id, self.actor.clone())
    }

    /// Records that the account sent a request.
    pub(crate) fn record_use(&self, at: Timestamp) {
        self.last_used.set(at);
    }
}

impl AccountCache {
    /// Returns the account in a revision that is current when this is called or later, or `None` if this organization
    /// has no such account.
    pub(crate) async fn current(
        &self,
        store: &DynStore,
        organization: OrganizationId,
        id: AccountId,
    ) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        let Some(revision) = store.revision(organization, id).await? else { return Ok(None) };
        if let Some(cached) = self.cached_at_revision(id, revision) {
            return Ok(Some(cached));
        }
        // The account is read after its revision, so it has that revision or a later one, never an older one.
        let Some(account) = store.by_client_id(id).await?.filter(|found| found.meta.organization == organization)
        else {
            return Ok(None);
        };
        self.insert(store, account).await.map(Some)
    }

    /// Returns the account with the client id of a credential, in a revision that is current when this is called or
    /// later, or `None` if there is no such account.
    pub(crate) async fn by_client_id(
        &self,
        store: &DynStore,
        id: AccountId,
    ) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        if let Some(cached) = self.cached(id)
            && store.revision(cached.organization.id, id).await? == Some(cached.account.meta.revision)
        {
            return Ok(Some(cached));
        }
        match store.by_client_id(id).await? {
            Some(account) => self.insert(store, account).await.map(Some),
            None => Ok(None),
        }
    }

    /// Adds an account that was just read to the cache.
    async fn insert(&self, store: &DynStore, account: Account) -> Result<Arc<CachedAccount>, StoreError> {
        if let Some(cached) = self.cached_at_revision(account.meta.id, account.meta.revision) {
            return Ok(cached);
        }
        let organization = account.meta.organization;
        let slug = Reader::<Organization>::get(store, organization, organization)
            .await?
            .map_or_else(|| "".into(), |organization| organization.record.slug.as_str().into());
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MAX_ACCOUNTS {
            // An account whose last use is not stored yet stays in the cache until it is.
            accounts.retain(|_, cached| !cached.last_used.is_none());
        }
        let last_use = accounts.get(&account.meta.id).map(|earlier| Arc::clone(&earlier.last_used)).unwrap_or_default();
        let cached = Arc::new(CachedAccount {
            actor: actor(&account),
            account: Arc::new(account),
            organization: OrganizationRef { id: organization, slug },
            last_used: last_use,
        });
        accounts.insert(cached.account.meta.id, Arc::clone(&cached));
        Ok(cached)
    }

    fn cached_at_revision(&self, id: AccountId, revision: Revision) -> Option<Arc<CachedAccount>> {
        self.cached(id).filter(|cached| cached.account.meta.revision == revision)
    }

    fn cached(&self, id: AccountId) -> Option<Arc<CachedAccount>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Stores the times of the accounts' last requests. If the store fails, they are kept for the next attempt.
    pub(crate) async fn store_last_used(&self, store: &DynStore) -> Result<(), StoreError> {
        let (cells, uses): (Vec<_>, Vec<_>) = {
            let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            let used = accounts.iter().filter_map(|(id, cached)| {
                let at = cached.last_used.take()?;
                Some((Arc::clone(&cached.last_used), (cached.organization.id, *id, at)))
            });
            used.unzip()
        };
        if uses.is_empty() {
            return Ok(());
        }
        let result = store.record_last_used(&uses).await;
        if result.is_err() {
            for (cell, (_, _, at)) in cells.iter().zip(&uses) {
                cell.set(*at);
            }
        }
        result
    }
}
