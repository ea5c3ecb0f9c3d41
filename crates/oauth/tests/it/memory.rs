//! A store in memory.

use std::{collections::HashMap, sync::Mutex};

use auth::{TokenHash, UserId};
use kernel::{OrganizationId, StoreError, Timestamp};
use oauth::{ClientId, Consent, EndReason, Grant, GrantId, OAuthStore, RefreshState, StoredCode};

type Rival = Box<dyn FnOnce(&mut Tables) + Send>;

#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) codes: HashMap<TokenHash, StoredCode>,
    pub(crate) grants: HashMap<GrantId, Grant>,
    pub(crate) tokens: HashMap<TokenHash, GrantId>,
    /// The act of another server between the next read and the write that follows it.
    pub(crate) rival: Option<Rival>,
}

#[derive(Default)]
pub(crate) struct Memory(pub(crate) Mutex<Tables>);

impl Memory {
    fn write<T>(&self, write: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let mut tables = self.0.lock().unwrap();
        if let Some(rival) = tables.rival.take() {
            rival(&mut tables);
        }
        Ok(write(&mut tables))
    }
}

#[async_trait::async_trait]
impl OAuthStore for Memory {
    async fn insert_code(&self, code: StoredCode) -> Result<(), StoreError> {
        self.0.lock().unwrap().codes.insert(code.hash, code);
        Ok(())
    }

    async fn code(&self, hash: TokenHash) -> Result<Option<StoredCode>, StoreError> {
        Ok(self.0.lock().unwrap().codes.get(&hash).cloned())
    }

    async fn use_code(&self, hash: TokenHash, grant: Grant, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|tables| {
            let code = tables.codes.get_mut(&hash).filter(|code| code.used_at.is_none());
            let Some(code) = code else { return false };
            code.used_at = Some(now);
            tables.tokens.extend(grant.refresh.map(|state| (state.current, grant.id)));
            tables.grants.insert(grant.id, grant);
            true
        })
    }

    async fn grant(&self, organization: OrganizationId, id: GrantId) -> Result<Option<Grant>, StoreError> {
        let grant = self.0.lock().unwrap().grants.get(&id).cloned();
        Ok(grant.filter(|grant| grant.organization == organization))
    }

    async fn grant_by_refresh_token(&self, hash: TokenHash) -> Result<Option<Grant>, StoreError> {
        let tables = self.0.lock().unwrap();
        Ok(tables.tokens.get(&hash).and_then(|id| tables.grants.get(id)).cloned())
    }

    async fn rotate(&self, grant: &Grant, expected: RefreshState, state: RefreshState) -> Result<bool, StoreError> {
        self.write(|tables| {
            let stored = tables.grants.get_mut(&grant.id).filter(|stored| stored.is_live());
            let Some(stored) = stored.filter(|stored| stored.refresh == Some(expected)) else { return false };
            stored.refresh = Some(state);
            tables.tokens.insert(state.current, grant.id);
            true
        })
    }

    async fn end_grant(
        &self,
        organization: OrganizationId,
        id: GrantId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|tables| {
            let grant =
                tables.grants.get_mut(&id).filter(|grant| grant.organization == organization && grant.is_live());
            grant.map(|grant| grant.ended = Some((now, reason))).is_some()
        })
    }

    async fn consent(&self, _: OrganizationId, _: UserId, _: ClientId) -> Result<Option<Consent>, StoreError> {
        Ok(None)
    }

    async fn put_consent(&self, _: Consent) -> Result<(), StoreError> {
        Ok(())
    }
}
