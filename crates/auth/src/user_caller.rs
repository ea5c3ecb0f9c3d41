//! Authorization of what a user does, by their session and the current state of their record.

use std::sync::Arc;

use kernel::{Actor, ActorKind, ActorRevision, Kind, Timestamp};

use crate::{
    role::Permission,
    session::{Session, SessionLevel, SessionLifetimes},
    user::StoredUser,
};

/// A user who has signed in.
#[derive(Clone, Debug)]
pub struct UserCaller {
    /// The user, as they were when the request was authorized.
    pub user: Arc<StoredUser>,
    /// The session of the request.
    pub session: Arc<Session>,
}

/// The reason that a user may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserDenied {
    /// The session is over, or the user is not active.
    #[error("the session is over")]
    SignedOut,
    /// The sign-in is not complete.
    #[error("the sign-in is not complete")]
    Incomplete(SessionLevel),
    /// The role of the user lacks the permission.
    #[error("the permission {} is required", .0.name())]
    MissingPermission(Permission),
    /// The action requires that the user proved recently who they are.
    #[error("the password is required again")]
    NotRecent,
}

impl UserCaller {
    /// Checks the session and the user at `now`. Disabling a user or revoking a session takes effect on the next request.
    ///
    /// # Errors
    /// [`UserDenied::SignedOut`], [`UserDenied::Incomplete`].
    pub fn authorize(
        session: Arc<Session>,
        user: Arc<StoredUser>,
        lifetimes: SessionLifetimes,
        now: Timestamp,
    ) -> Result<Self, UserDenied> {
        let is_own = session.user == user.meta.id && session.organization == user.meta.organization;
        if !is_own || !user.record.is_active() || !session.is_live_at(now, lifetimes.idle) {
            return Err(UserDenied::SignedOut);
        }
        match session.level {
            SessionLevel::Full => Ok(Self { user, session }),
            level => Err(UserDenied::Incomplete(level)),
        }
    }

    /// Checks that the user has a permission.
    ///
    /// # Errors
    /// [`UserDenied::MissingPermission`] if the role lacks it.
    pub fn require(&self, permission: Permission) -> Result<(), UserDenied> {
        if self.user.record.role.permits(permission) { Ok(()) } else { Err(UserDenied::MissingPermission(permission)) }
    }

    /// Checks that the user proved recently who they are.
    ///
    /// # Errors
    /// [`UserDenied::NotRecent`] otherwise.
    pub fn require_recent(&self, now: Timestamp) -> Result<(), UserDenied> {
        if self.session.is_recent_at(now) { Ok(()) } else { Err(UserDenied::NotRecent) }
    }

    /// The user's revision, which a commit checks again.
    #[must_use]
    pub fn actor_revision(&self) -> ActorRevision {
        user_revision(&self.user)
    }

    /// The user as the actor of audit entries.
    #[must_use]
    pub fn actor(&self) -> Actor {
        user_actor(&self.user)
    }
}

/// Returns the user as the actor of audit entries.
#[must_use]
pub fn user_actor(user: &StoredUser) -> Actor {
    Actor { kind: ActorKind::User, id: Some(user.meta.id.to_string().into()), name: user.record.name.as_str().into() }
}

/// Returns the revision that a commit on behalf of the user checks again.
#[must_use]
pub fn user_revision(user: &StoredUser) -> ActorRevision {
    ActorRevision { kind: Kind::User, id: user.meta.id.ulid(), revision: user.meta.revision }
}
