//! Lookup of service accounts by credential, and the time of their last use.

use async_trait::async_trait;
use auth::{Account, AccountId, Accounts};
use kernel::{Kind, OrganizationId, Revision, StoreError, Timestamp};

use crate::{Call, MemoryStore, state::Row};

#[async_trait]
impl Accounts for MemoryStore {
    async fn by_client_id(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        self.intercept(Call::ClientId).await?;
        let state = self.snapshot()?;
        Ok(state
            .rows_of_all_organizations(Kind::ServiceAccount)
            .find(|row| row.meta.ulid() == account.ulid())
            .and_then(Row::read))
    }

    async fn revision(&self, organization: OrganizationId, account: AccountId) -> Result<Option<Revision>, StoreError> {
        self.intercept(Call::Revision).await?;
        Ok(self.snapshot()?.revision(Kind::ServiceAccount, organization, account.ulid()))
    }

    async fn record_last_used(&self, uses: &[(OrganizationId, AccountId, Timestamp)]) -> Result<(), StoreError> {
        self.change(|state| {
            for &(organization, account, at) in uses {
                let key = (organization, account);
                // Servers report independently: a later report may contain an earlier call.
                let latest = state.last_used.get(&key).map_or(at, |recorded| at.max(*recorded));
                state.last_used.insert_mut(key, latest);
            }
            Ok(())
        })
    }

    async fn last_used(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.snapshot()?.last_used.get(&(organization, account)).copied())
    }
}
