//! The ports that stores and cryptography implement for authentication.

use async_trait::async_trait;
use kernel::{Changeset, CommitError, OrganizationId, Revision, StoreError, Timestamp};

use crate::{
    account::{Account, AccountId},
    secret::{ClientSecret, SecretHash},
    signing_key::{EncryptedSigningKey, KeyChange, Keyring},
    token::{Claims, StaleKeys, TokenError},
};

/// Finds service accounts by their credentials. [`kernel::Reader`] can't, since the caller's organization is not known
/// yet.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Returns the account with this client id, in any organization: the only query that starts from a credential.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn by_client_id(&self, account: AccountId) -> Result<Option<Account>, StoreError>;

    /// Returns the account's current revision; `None` if the account does not exist. The revision is read after this is
    /// called, so that every call that begins after a change sees it. Concurrent calls share one read.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails. A call whose account can't be checked must be refused.
    async fn revision(&self, organization: OrganizationId, account: AccountId) -> Result<Option<Revision>, StoreError>;

    /// Stores the times at which accounts made their last calls. They are approximate by design: they are written from
    /// time to time, not with each call.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn record_last_used(&self, uses: &[(OrganizationId, AccountId, Timestamp)]) -> Result<(), StoreError>;

    /// Returns the recorded time of the account's last call.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn last_used(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Timestamp>, StoreError>;
}

/// Stores the token signing keys, so that all servers of an installation sign and verify with the same ones.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// Returns all keys, and the current time of the store's clock.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn signing_keys(&self) -> Result<Keyring, StoreError>;

    /// Adds the installation's first key, which signs immediately, unless another server has added one before. The
    /// caller must read the keys afterwards.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn add_first_signing_key(&self, key: &EncryptedSigningKey) -> Result<(), StoreError>;

    /// Changes the keys and commits the changeset with the audit entry, atomically. Returns whether it did: it changes
    /// nothing if the stored keys are no longer those that the change expects.
    ///
    /// # Errors
    /// [`CommitError`] if nothing was stored.
    async fn change_signing_keys(&self, change: &KeyChange, changeset: Changeset) -> Result<bool, CommitError>;
}

/// Hashes client secrets.
pub trait SecretHasher: Send + Sync {
    /// Returns the hash to store. With `previous`, the hash of the account's previous secret, the new hash shares its
    /// salt, so that a secret is compared with both at the cost of one.
    fn hash(&self, secret: &ClientSecret, previous: Option<&SecretHash>) -> SecretHash;

    /// Returns whether one of the hashes is of this secret. The duration does not depend on the result. Hashes that
    /// share a salt cost as much as one.
    fn verify(&self, secret: &ClientSecret, hashes: &[&SecretHash]) -> bool;
}

/// Signs access tokens.
pub trait TokenSigner: Send + Sync {
    /// Returns the signed token with these claims.
    ///
    /// # Errors
    /// [`StaleKeys`] if the keys were not read recently enough to know which one signs.
    fn sign(&self, claims: &Claims) -> Result<String, StaleKeys>;
}

/// Verifies access tokens.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// Returns the claims of the token, if this installation issued it and it is valid at `now`.
    ///
    /// # Errors
    /// [`TokenError`].
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;

    /// Loads all keys that were published before this is called; to be called after [`TokenError::UnknownKey`].
    /// Verifiers with fixed keys do nothing. Concurrent calls share one read, and the rate of reads is limited, since
    /// unauthenticated callers can name any key.
    ///
    /// # Errors
    /// [`StoreError`] if the keys can't be read.
    async fn refresh_keys(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
