//! What authentication asks of stores and of cryptography.

use async_trait::async_trait;
use kernel::{Changeset, CommitError, OrganizationId, Revision, StoreError, Timestamp};

use crate::{
    account::{Account, AccountId},
    secret::{ClientSecret, SecretHash},
    signing_key::{KeyChange, Keyring, SealedKey},
    token::{Claims, StaleKeys, TokenError},
};

/// Finds service accounts by credential. Beside [`kernel::Reader`], because a caller's organization is what is looked for.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account with this client id, in whichever organization: the one query that starts from a credential.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn by_client_id(&self, account: AccountId) -> Result<Option<Account>, StoreError>;

    /// The account's present revision, read after this was called, so that a change is seen by every call that begins
    /// after it; calls in flight share one read. `None` when there is no such account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails: a call that can't prove its standing is not served.
    async fn revision(&self, organization: OrganizationId, account: AccountId) -> Result<Option<Revision>, StoreError>;

    /// Notes when accounts last called. Approximate by design: it is written now and then, not with each call.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn note_use(&self, uses: &[(OrganizationId, AccountId, Timestamp)]) -> Result<(), StoreError>;

    /// When the account last called, as far as was noted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn last_use(&self, organization: OrganizationId, account: AccountId)
    -> Result<Option<Timestamp>, StoreError>;
}

/// Keeps token signing keys, so that every server of an installation signs and verifies with the same ones.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All of them, and the present moment of the store's clock.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn signing_keys(&self) -> Result<Keyring, StoreError>;

    /// Adds the installation's first key, which signs from now on, unless another server was faster; the caller reads again
    /// afterwards.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn add_first_signing_key(&self, key: &SealedKey) -> Result<(), StoreError>;

    /// Changes the keys and stores the changeset that puts this on record, all or nothing. Says whether it did: it does
    /// not when there are other keys by now than those it was decided on.
    ///
    /// # Errors
    /// [`CommitError`]; nothing was stored then.
    async fn change_signing_keys(&self, change: &KeyChange, changeset: Changeset) -> Result<bool, CommitError>;
}

/// Hashes client secrets.
pub trait SecretHasher: Send + Sync {
    /// The hash to keep. With `beside`, the hash of the account's secret before, it shares that one's salt, so that a
    /// secret is compared with both at the cost of one.
    fn hash(&self, secret: &ClientSecret, beside: Option<&SecretHash>) -> SecretHash;

    /// Whether one of the hashes is of this secret. Takes the same time whichever way it goes; hashes that share a salt
    /// cost as much as one.
    fn verify(&self, secret: &ClientSecret, hashes: &[&SecretHash]) -> bool;
}

/// Issues tokens.
pub trait TokenSigner: Send + Sync {
    /// The signed token that makes these claims.
    ///
    /// # Errors
    /// [`StaleKeys`] when it is not known any more which key signs.
    fn sign(&self, claims: &Claims) -> Result<String, StaleKeys>;
}

/// Accepts tokens.
#[async_trait]
pub trait TokenVerifier: Send + Sync {
    /// What the token claims, if it was issued here and is good at `now`.
    ///
    /// # Errors
    /// [`TokenError`].
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError>;

    /// After [`TokenError::UnknownKey`]: sees to it that every key is known that was published before this was called.
    /// Verifiers that never learn of a key do nothing. Calls share what it takes, which is bounded: strangers may name any
    /// key.
    ///
    /// # Errors
    /// [`StoreError`] when the keys can't be read.
    async fn catch_up(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
