//! Service accounts as they were last read. What is served from here is only ever used after its revision was proved
//! to be the present one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use auth::{Account, AccountId, actor};
use findings::Tenant;
use kernel::{Actor, Organization, OrganizationId, Reader, Revision, StoreError, Timestamp};
use store::DynStore;

/// Bounds the memory that accounts take; far more than an installation has.
const MOST_ACCOUNTS: usize = 10_000;

#[derive(Default)]
pub(crate) struct AccountCache {
    accounts: Mutex<HashMap<AccountId, Arc<Cached>>>,
    uses: Mutex<HashMap<(OrganizationId, AccountId), Timestamp>>,
}

pub(crate) struct Cached {
    pub(crate) account: Arc<Account>,
    pub(crate) actor: Actor,
    pub(crate) tenant: Arc<Tenant>,
}

impl AccountCache {
    /// The account, as it stands after this was called; `None` when there is none in this organization.
    pub(crate) async fn present(
        &self,
        store: &DynStore,
        organization: OrganizationId,
        id: AccountId,
    ) -> Result<Option<Arc<Cached>>, StoreError> {
        let Some(revision) = store.revision(organization, id).await? else { return Ok(None) };
        if let Some(cached) = self.cached(id, revision) {
            return Ok(Some(cached));
        }
        // Read after its revision, the account is that revision or a later one: never older than the proof.
        let Some(account) = store.by_client_id(id).await?.filter(|found| found.meta.organization == organization)
        else {
            return Ok(None);
        };
        self.keep(store, account).await.map(Some)
    }

    /// Remembers an account that was just read.
    pub(crate) async fn keep(&self, store: &DynStore, account: Account) -> Result<Arc<Cached>, StoreError> {
        if let Some(cached) = self.cached(account.meta.id, account.meta.revision) {
            return Ok(cached);
        }
        let organization = account.meta.organization;
        let slug = Reader::<Organization>::get(store, organization, organization)
            .await?
            .map(|organization| organization.record.slug.as_str().to_owned())
            .unwrap_or_default();
        let cached = Arc::new(Cached {
            actor: actor(&account),
            account: Arc::new(account),
            tenant: Arc::new(Tenant { organization, slug }),
        });
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_ACCOUNTS {
            accounts.clear();
        }
        accounts.insert(cached.account.meta.id, Arc::clone(&cached));
        Ok(cached)
    }

    fn cached(&self, id: AccountId, revision: Revision) -> Option<Arc<Cached>> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&id).filter(|cached| cached.account.meta.revision == revision).cloned()
    }

    pub(crate) fn used(&self, account: &Account, at: Timestamp) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.insert((account.meta.organization, account.meta.id), at);
    }

    pub(crate) async fn note_uses(&self, store: &DynStore) -> Result<(), StoreError> {
        let uses: Vec<_> = {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            uses.drain().map(|((organization, account), at)| (organization, account, at)).collect()
        };
        if uses.is_empty() {
            return Ok(());
        }
        let noted = store.note_use(&uses).await;
        if noted.is_err() {
            let mut again = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            for (organization, account, at) in uses {
                again.entry((organization, account)).or_insert(at);
            }
        }
        noted
    }
}
