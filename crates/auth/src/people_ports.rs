//! The ports that stores and cryptography implement for people.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{Changeset, CommitError, Entropy, OrganizationId, StoreError, Timestamp};
use secrecy::SecretString;

use crate::{
    external_identity::ExternalIdentity,
    one_time_link::OneTimeLink,
    opaque_token::TokenHash,
    person_credentials::{Credentials, PasswordHash},
    session::{Session, SessionId},
    sign_in_summary::SignInSummary,
    totp_secret::TotpSecret,
    trusted_device::TrustedDevice,
    user::{StoredUser, UserId},
};

/// Stores credentials, sessions and one-time links of users. The users themselves are read by [`kernel::Reader`].
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Returns the credentials of the user, if a password was set.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn credentials(&self, organization: OrganizationId, user: UserId) -> Result<Option<Credentials>, StoreError>;

    /// Returns a user of the organization who has a passkey with this identifier of its authenticator, if there is one. It
    /// may read the credentials of all users of the organization.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn user_with_passkey(
        &self,
        organization: OrganizationId,
        credential_id: &[u8],
    ) -> Result<Option<UserId>, StoreError>;

    /// Returns the session whose token has this hash, with its user as they are now. Both are read after this is called,
    /// so that every request that begins after a change sees it.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails. A request whose session can't be checked must be refused.
    async fn session(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<(Session, StoredUser)>, StoreError>;

    /// Returns the sessions of the user, the one used last first, at most [`MAX_LISTED_SESSIONS`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn sessions(&self, organization: OrganizationId, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Returns how each of these users signs in, in one bounded read; of users that do not exist, nothing. The order is any.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn sign_in_summaries(
        &self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<SignInSummary>, StoreError>;

    /// Returns the link whose token has this hash, unless it was used. It may have expired.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn one_time_link(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<OneTimeLink>, StoreError>;

    /// Returns the identity with this issuer and subject, if it is linked with a user of the organization.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn identity(
        &self,
        organization: OrganizationId,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StoreError>;

    /// Returns the identities of the user, the one linked first first, at most [`ExternalIdentity::MAX_PER_USER`].
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn identities(&self, organization: OrganizationId, user: UserId)
    -> Result<Vec<ExternalIdentity>, StoreError>;

    /// Stores the time of a request with a session, unless a later one is stored or the session is over.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn record_session_use(
        &self,
        organization: OrganizationId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Commits the changeset with changes of credentials, sessions and links of its organization, atomically. Returns
    /// whether it did: it stores nothing if the condition of one of the changes does not hold. The caller must read and
    /// decide again then, or refuse the request.
    ///
    /// # Errors
    /// [`CommitError`] if nothing was stored.
    async fn commit_with_credentials(
        &self,
        changeset: Changeset,
        changes: &[CredentialChange],
    ) -> Result<bool, CommitError>;

    /// Deletes sessions and links that expired before `now`, of any organization, at most `limit` of each, and those that
    /// would be stored for longer than [`MAX_STORED_FOR`], since they began while the clock was ahead. Returns how many
    /// were deleted.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    async fn delete_expired_sessions_and_links(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}

/// The maximum number of sessions that [`PeopleStore::sessions`] returns. Users have fewer, see
/// [`Session::MAX_PER_USER`].
pub const MAX_LISTED_SESSIONS: usize = 100;

/// The longest time for which a session or a link is stored. Their lifetimes are at most as long.
pub const MAX_STORED_FOR: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Returns whether a session or link that ends at `expires_at` is to be deleted.
#[must_use]
pub fn is_discarded_at(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at < now || expires_at > now + MAX_STORED_FOR
}

/// A change of credentials, sessions or links. Some have a condition, without which nothing of the commit is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialChange {
    /// Stores the credentials of the user. The condition: the stored version is the one before, or there are none if the
    /// version is 1.
    SetCredentials {
        /// The user.
        user: UserId,
        /// The credentials after the change.
        credentials: Credentials,
    },
    /// Stores a new session.
    AddSession(Session),
    /// Ends a session of the user. The condition: it exists.
    RemoveSession {
        /// The user.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// Ends all sessions of the user, but one.
    RemoveSessions {
        /// The user.
        user: UserId,
        /// The session that is kept, if any.
        except: Option<SessionId>,
    },
    /// Stores that the user proved again who they are. The condition: the session exists.
    Reauthenticate {
        /// The user.
        user: UserId,
        /// The session.
        session: SessionId,
        /// The time of the proof.
        at: Timestamp,
    },
    /// Stores a new link.
    AddLink(OneTimeLink),
    /// Uses a link up. The condition: it exists.
    UseLink(TokenHash),
    /// Deletes all links of the user, or all those without a user.
    RemoveLinks {
        /// The user.
        user: Option<UserId>,
    },
    /// Links an identity. The condition: it is linked with no user of the organization.
    AddIdentity(ExternalIdentity),
    /// Stores the time of a sign-in by an identity. The condition: it is linked with the user.
    UseIdentity {
        /// The user.
        user: UserId,
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
        /// The time of the sign-in.
        at: Timestamp,
    },
    /// Unlinks all identities of the user.
    RemoveIdentities {
        /// The user.
        user: UserId,
    },
}

/// The result of comparing a password with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// The password is wrong.
    Wrong,
    /// The password is right.
    Right,
    /// The password is right, and the hash has parameters other than those of new hashes: store a new one.
    RightButOutdated,
}

/// Hashes passwords. Each call takes tens of milliseconds of CPU and megabytes of memory on the calling thread.
pub trait PasswordHasher: Send + Sync {
    /// Returns the hash to store.
    fn hash(&self, password: &SecretString) -> PasswordHash;

    /// Compares the password with a hash; without a hash, with one that no password has, so that the call takes as
    /// long.
    fn verify(&self, password: &SecretString, hash: Option<&PasswordHash>) -> PasswordCheck;
}

/// Creates and checks secrets of authenticator apps, and encrypts them at rest.
pub trait SecondFactors: Send + Sync {
    /// Generates a secret.
    fn generate(&self, entropy: &dyn Entropy) -> TotpSecret;

    /// Encrypts the secret for `owner`, an identifier that it can be decrypted for only.
    fn encrypt(&self, entropy: &dyn Entropy, owner: &str, secret: &TotpSecret) -> Vec<u8>;

    /// Decrypts a secret of `owner`; `None` if it was altered, is another's or was encrypted under another master key.
    fn decrypt(&self, owner: &str, ciphertext: &[u8]) -> Option<TotpSecret>;

    /// Returns the time step of the code, if it is the one that the secret has at `now`, or one step before or after.
    fn matching_step(&self, secret: &TotpSecret, code: &str, now: Timestamp) -> Option<i64>;
}

/// Signs and verifies the cookies of devices on which users signed in before.
pub trait DeviceCookies: Send + Sync {
    /// Returns the cookie of the device.
    fn sign(&self, device: &TrustedDevice) -> String;

    /// Returns the device of a cookie; `None` if this installation did not sign it.
    fn verify(&self, cookie: &str) -> Option<TrustedDevice>;
}

/// Issues the challenges that passkeys answer, and recognizes them. Nothing is stored: a challenge proves by itself when and
/// for what it was issued.
pub trait PasskeyChallenges: Send + Sync {
    /// Issues a challenge for `binding`, which names the ceremony and the browser or session that may answer it.
    fn issue(&self, entropy: &dyn Entropy, binding: &str, now: Timestamp) -> Vec<u8>;

    /// Returns the time at which the challenge was issued; `None` if this installation did not issue it for `binding`.
    fn issued_at(&self, binding: &str, challenge: &[u8]) -> Option<Timestamp>;
}
