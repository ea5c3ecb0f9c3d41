//! The authenticated principal of a request.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use auth::{Account, Caller, UserCaller, user_actor};
use kernel::{Actor, ActorRevision, Organization, OrganizationId, OrganizationRef, Stored, Timestamp, Ulid};

use crate::response::Problem;

/// An authenticated principal.
#[derive(Clone)]
pub enum Principal {
    /// A program: the account with the scopes of its token, and its cached record.
    Account(Caller, Arc<CachedAccount>),
    /// A person who has signed in.
    User(Arc<SignedInUser>),
}

/// A person who has signed in, with their organization and the actor of their audit entries.
pub struct SignedInUser {
    /// The user and their session.
    pub caller: UserCaller,
    /// The organization.
    pub organization: Stored<Organization>,
    reference: OrganizationRef,
    actor: Actor,
}

impl SignedInUser {
    pub(crate) fn new(caller: UserCaller, organization: Stored<Organization>) -> Self {
        let (reference, actor) = (OrganizationRef::from(&organization), user_actor(&caller.user));
        Self { caller, organization, reference, actor }
    }
}

impl Principal {
    /// The organization that the principal belongs to.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization_ref().id
    }

    /// The organization that the principal belongs to, with its slug.
    #[must_use]
    pub fn organization_ref(&self) -> &OrganizationRef {
        match self {
            Self::Account(_, cached) => &cached.organization,
            Self::User(user) => &user.reference,
        }
    }

    /// The identifier of the account or the user, without its prefix, by which shares and limits are counted.
    #[must_use]
    pub fn id(&self) -> Ulid {
        match self {
            Self::Account(caller, _) => caller.account.meta.ulid(),
            Self::User(user) => user.caller.user.meta.ulid(),
        }
    }

    /// The actor of its audit entries.
    pub(crate) fn actor(&self) -> &Actor {
        match self {
            Self::Account(_, cached) => &cached.actor,
            Self::User(user) => &user.actor,
        }
    }

    /// The revision that a commit checks again.
    pub(crate) fn actor_revision(&self) -> ActorRevision {
        match self {
            Self::Account(caller, _) => caller.actor_revision(),
            Self::User(user) => user.caller.actor_revision(),
        }
    }

    /// The service account.
    ///
    /// # Errors
    /// An internal error if the principal is none.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        match self {
            Self::Account(caller, _) => Ok(caller),
            Self::User(_) => Err(Problem::internal()),
        }
    }

    /// The person who has signed in.
    ///
    /// # Errors
    /// An internal error if the principal is a program.
    pub fn user(&self) -> Result<&SignedInUser, Problem> {
        match self {
            Self::User(user) => Ok(user),
            Self::Account(..) => Err(Problem::internal()),
        }
    }

    /// The identity that its requests are recorded under.
    pub(crate) fn audit_identity(&self) -> AuditIdentity<'_> {
        AuditIdentity { organization: self.organization(), id: self.id(), actor: self.actor() }
    }
}

/// The identity that requests are recorded under: the organization in whose audit log, and the actor.
#[derive(Clone, Copy)]
pub struct AuditIdentity<'a> {
    pub(crate) organization: OrganizationId,
    /// The identifier of the actor, without its prefix.
    pub(crate) id: Ulid,
    pub(crate) actor: &'a Actor,
}

/// An account with its audit actor and its organization, as they were last read.
pub struct CachedAccount {
    /// The account.
    pub account: Arc<Account>,
    pub(crate) actor: Actor,
    pub(crate) organization: OrganizationRef,
    pub(crate) last_used: Arc<LastUsed>,
}

impl CachedAccount {
    /// The identity that the account's requests are recorded under.
    #[must_use]
    pub fn audit_identity(&self) -> AuditIdentity<'_> {
        AuditIdentity { organization: self.organization.id, id: self.account.meta.ulid(), actor: &self.actor }
    }

    /// Records that the account sent a request.
    pub fn record_use(&self, at: Timestamp) {
        self.last_used.set(at);
    }
}

/// The time of an account's last request, in milliseconds since 1970, until it is stored. All revisions of the account
/// share it.
pub(crate) struct LastUsed(AtomicI64);

impl LastUsed {
    const NONE: i64 = i64::MIN;

    pub(crate) fn take(&self) -> Option<Timestamp> {
        let millis = self.0.swap(Self::NONE, Ordering::Relaxed);
        (millis != Self::NONE).then(|| Timestamp::from_millis(millis))
    }

    pub(crate) fn set(&self, at: Timestamp) {
        // Not the maximum: after a clock was set back, its time of the future would stay.
        self.0.store(at.millis(), Ordering::Relaxed);
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::NONE
    }
}

impl Default for LastUsed {
    fn default() -> Self {
        Self(AtomicI64::new(Self::NONE))
    }
}
