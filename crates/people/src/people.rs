//! The service of people: its parts, its settings, and what its use cases have in common.

use std::{sync::Arc, time::Duration};

use auth::{
    Browser, DeviceCookies, LinkPurpose, PasskeyChallenges, PasswordHasher, PersonChange, SecondFactors,
    SessionLifetimes, SignInContext, StoredUser, User, UserId, user_actor, user_revision,
};
use kernel::{
    Attribution, Clock, CommitError, Entropy, Organization, OrganizationId, OrganizationRef, Origin, Reader, Reason,
    StoreError, Timestamp, WriteContext,
};
use limits::LimitStore;
use store::DynStore;
use tokio::sync::Mutex;

use crate::{
    error::PeopleError,
    observer::{NoObserver, PeopleObserver},
    openid_settings::OpenIdConnect,
    password_pool::PasswordPool,
    refusal_log::RefusalLog,
};

/// The maximum number of times that a change is decided if it conflicts with concurrent ones.
pub(crate) const MAX_ATTEMPTS: usize = 8;

/// The ports that the use cases depend on.
#[derive(Clone)]
pub struct PeopleParts {
    /// The store.
    pub store: Arc<DynStore>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of identifiers and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// The rate limits of failed attempts.
    pub limits: Arc<dyn LimitStore>,
    /// The hasher of passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// The secrets of authenticator apps.
    pub second_factors: Arc<dyn SecondFactors>,
    /// The cookies of known devices.
    pub devices: Arc<dyn DeviceCookies>,
    /// The challenges that passkeys answer.
    pub challenges: Arc<dyn PasskeyChallenges>,
}

/// The settings of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleSettings {
    /// The lifetimes of sessions.
    pub sessions: SessionLifetimes,
    /// The lifetime of invitations.
    pub invitation_lifetime: Duration,
    /// The number of passwords that are hashed at once, and as many more of those who proved something.
    pub hashing_concurrency: usize,
    /// The failed sign-ins of one user from one network, and on one known device, in a minute.
    pub failures_per_user: u32,
    /// The failed sign-ins from one network in a minute.
    pub failures_per_network: u32,
}

impl Default for PeopleSettings {
    fn default() -> Self {
        Self {
            sessions: SessionLifetimes::default(),
            invitation_lifetime: LinkPurpose::Invitation.default_lifetime(),
            hashing_concurrency: 2,
            failures_per_user: 5,
            failures_per_network: 30,
        }
    }
}

/// The use cases of people.
#[derive(Clone)]
pub struct People {
    pub(crate) parts: PeopleParts,
    pub(crate) pool: PasswordPool,
    pub(crate) refusals: Arc<Mutex<RefusalLog>>,
    pub(crate) settings: PeopleSettings,
    pub(crate) observer: Arc<dyn PeopleObserver>,
    /// The provider by which people sign in, if there is one.
    pub(crate) openid: Option<OpenIdConnect>,
}

impl People {
    /// Creates the use cases, which nobody observes.
    #[must_use]
    pub fn new(parts: PeopleParts, settings: PeopleSettings) -> Self {
        Self::observed_by(Arc::new(NoObserver), parts, settings)
    }

    /// Creates the use cases with an observer.
    #[must_use]
    pub fn observed_by(observer: Arc<dyn PeopleObserver>, parts: PeopleParts, settings: PeopleSettings) -> Self {
        let pool = PasswordPool::new(Arc::clone(&parts.passwords), settings.hashing_concurrency, Arc::clone(&observer));
        Self { parts, pool, refusals: Arc::default(), settings, observer, openid: None }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The user with this identifier.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`], or the store fails.
    pub async fn user(&self, organization: OrganizationId, id: UserId) -> Result<StoredUser, PeopleError> {
        Reader::<User>::get(&*self.parts.store, organization, id).await?.ok_or(PeopleError::NotFound)
    }

    pub(crate) async fn organization(&self, id: OrganizationId) -> Result<OrganizationRef, PeopleError> {
        let organization = Reader::<Organization>::get(&*self.parts.store, id, id).await?;
        organization.as_ref().map(OrganizationRef::from).ok_or(PeopleError::NotFound)
    }

    /// The attribution of a change that a user makes of what is their own.
    pub(crate) fn own_attribution(user: &StoredUser, origin: &Origin) -> Attribution {
        Attribution { actor: user_actor(user), origin: origin.clone(), actor_revision: Some(user_revision(user)) }
    }

    pub(crate) fn context<'a>(
        &'a self,
        organization: &'a OrganizationRef,
        attribution: &'a Attribution,
        reason: Option<&'a Reason>,
    ) -> WriteContext<'a> {
        WriteContext { organization, attribution, reason, entropy: &*self.parts.entropy }
    }

    pub(crate) fn sign_in_context<'a>(&self, browser: &'a Browser) -> SignInContext<'a> {
        SignInContext { lifetimes: self.settings.sessions, browser, sessions: Vec::new() }
    }

    /// Commits the change. Returns whether it was stored: if not, the caller must read and decide again.
    pub(crate) async fn commit(&self, change: PersonChange) -> Result<bool, PeopleError> {
        match self.parts.store.commit_with_credentials(change.changeset, &change.credentials).await {
            Err(CommitError::Conflict(_) | CommitError::ActorChanged) => Ok(false),
            outcome => outcome.map_err(PeopleError::from_commit),
        }
    }
}

/// The error of a stored secret that can't be decrypted.
pub(crate) fn undecryptable() -> PeopleError {
    let message = "the second factor of a user can't be decrypted: it was altered or moved, or was encrypted with \
                   another master key; remove it with `novantra user reset --second-factor`";
    PeopleError::Store(StoreError::Corrupt(message.into()))
}
