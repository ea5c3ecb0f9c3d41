//! The ports that stores implement.

use async_trait::async_trait;
use auth::{TokenHash, UserId};
use kernel::{OrganizationId, StoreError, Timestamp};

use crate::{
    client::{ClientId, OAuthClient},
    code::StoredCode,
    consent::Consent,
    grant::{EndReason, Grant, GrantId},
    refresh::RefreshState,
};

/// Finds clients by their identifiers, in any organization: a credential names none.
#[async_trait]
pub trait OAuthClients: Send + Sync {
    /// Returns the client; `None` if it does not exist or was deleted.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn client(&self, id: ClientId) -> Result<Option<OAuthClient>, StoreError>;
}

/// Stores codes, grants and consent. Each method is one transaction.
#[async_trait]
pub trait OAuthStore: Send + Sync {
    /// Stores a new code.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn insert_code(&self, code: StoredCode) -> Result<(), StoreError>;

    /// Returns the code with this hash, also a used one. Stores keep it for at least [`crate::REFRESH_LIFETIME`] after
    /// its use, so that a second use is detected while the grant can live.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn code(&self, hash: TokenHash) -> Result<Option<StoredCode>, StoreError>;

    /// Marks the code as used and inserts its grant, only if it was unused: one conditional update decides between
    /// concurrent uses. Returns whether it did.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn use_code(&self, hash: TokenHash, grant: Grant, now: Timestamp) -> Result<bool, StoreError>;

    /// Returns the grant.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn grant(&self, organization: OrganizationId, id: GrantId) -> Result<Option<Grant>, StoreError>;

    /// Returns the grant that a refresh token was issued for, also one that was replaced.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn grant_by_refresh_token(&self, hash: TokenHash) -> Result<Option<Grant>, StoreError>;

    /// Stores the state, and its current token beside the earlier ones, only if the grant is live and its state is
    /// still `expected`. Returns whether it did.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn rotate(&self, grant: &Grant, expected: RefreshState, state: RefreshState) -> Result<bool, StoreError>;

    /// Ends a live grant. Returns whether it was live.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn end_grant(
        &self,
        organization: OrganizationId,
        id: GrantId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Returns the remembered consent.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn consent(
        &self,
        organization: OrganizationId,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Consent>, StoreError>;

    /// Remembers consent instead of any earlier one of the person for the client.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn put_consent(&self, consent: Consent) -> Result<(), StoreError>;
}
