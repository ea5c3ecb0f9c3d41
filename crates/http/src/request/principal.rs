//! The authenticated principal of a request.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use auth::{Account, Caller};
use kernel::{Actor, OrganizationId, OrganizationRef, Timestamp};

/// An authenticated principal: the caller with its cached account.
#[derive(Clone)]
pub struct Principal {
    /// The account, with the scopes of its token.
    pub caller: Caller,
    pub(crate) cached: Arc<CachedAccount>,
}

impl Principal {
    /// The organization that the caller belongs to.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.cached.organization.id
    }

    /// The organization that the caller belongs to, with its slug.
    #[must_use]
    pub fn organization_ref(&self) -> &OrganizationRef {
        &self.cached.organization
    }
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
    /// The organization in whose audit log the account's requests are recorded, and the actor they are recorded under.
    pub(crate) fn audit_identity(&self) -> (OrganizationId, Actor) {
        (self.organization.id, self.actor.clone())
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
