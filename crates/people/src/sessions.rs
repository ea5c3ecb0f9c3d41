//! The user of a request, and the sessions of users.

use std::sync::Arc;

use auth::{
    OpaqueToken, Permission, Session, SessionId, SessionLevel, StoredUser, UserCaller, UserDenied, UserId,
    revoke_session, revoke_sessions, signed_out,
};
use kernel::{OrganizationId, OrganizationRef, StoreError};

use crate::{
    author::{Author, Client},
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
};

/// A sign-in that is not complete.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// The user.
    pub user: StoredUser,
    /// The session; [`Session::level`] tells what is missing.
    pub session: Session,
}

impl People {
    /// Returns the user whose session has this token, as they are now. Called for every request of the web app.
    ///
    /// # Errors
    /// [`PeopleError::Denied`] if the session is over or the sign-in is not complete, or the store fails.
    pub async fn authenticate(&self, token: &OpaqueToken) -> Result<UserCaller, PeopleError> {
        let found = self.parts.store.session(token.organization(), token.hash()).await?;
        let (session, user) = found.ok_or(UserDenied::SignedOut)?;
        let now = self.now();
        let caller = UserCaller::authorize(Arc::new(session), Arc::new(user), self.settings.sessions, now)?;
        if caller.session.is_use_due_at(now) {
            let Session { organization, id, .. } = *caller.session;
            self.parts.store.record_session_use(organization, id, now).await?;
        }
        Ok(caller)
    }

    /// Whether the caller is still signed in and has the permission, for responses that outlive their request.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn still_permits(&self, caller: &UserCaller, permission: Permission) -> Result<bool, StoreError> {
        let Session { organization, token, .. } = *caller.session;
        let Some((session, user)) = self.parts.store.session(organization, token).await? else { return Ok(false) };
        let lifetimes = self.settings.sessions;
        let current = UserCaller::authorize(Arc::new(session), Arc::new(user), lifetimes, self.now());
        Ok(current.is_ok_and(|current| current.require(permission).is_ok()))
    }

    /// Returns the sign-in whose session has this token, if it lacks its second factor.
    ///
    /// # Errors
    /// [`PeopleError::Denied`] if the session is over or complete, or the store fails.
    pub async fn pending_sign_in(&self, token: &OpaqueToken) -> Result<PendingSignIn, PeopleError> {
        let found = self.parts.store.session(token.organization(), token.hash()).await?;
        let (session, user) = found.ok_or(UserDenied::SignedOut)?;
        let is_live = user.record.is_active() && session.is_live_at(self.now(), self.settings.sessions.idle);
        if !is_live || session.level == SessionLevel::Full {
            return Err(UserDenied::SignedOut.into());
        }
        Ok(PendingSignIn { user, session })
    }

    /// Ends the session of the caller. It is no error if it is over already.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sign_out(&self, caller: &UserCaller, client: &Client) -> Result<(), PeopleError> {
        let organization = self.organization(caller.user.meta.organization).await?;
        // The revision of the user is not checked: signing out is always allowed.
        let attribution =
            kernel::Attribution { actor_revision: None, ..Self::own_attribution(&caller.user, &client.origin) };
        let context = self.context(&organization, &attribution, None);
        let timestamp = self.parts.store.begin_write();
        self.commit(signed_out(&context, timestamp, &caller.user, &caller.session)).await.map(drop)
    }

    /// Returns the sessions of a user, the one used last first: of oneself, with the permission to see people, or for the
    /// operator. Those that are over are left out.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn sessions(
        &self,
        caller: Option<&UserCaller>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<Session>, PeopleError> {
        if let Some(caller) = caller.filter(|caller| caller.user.meta.id != user) {
            caller.require(Permission::ReadPeople)?;
        }
        self.user(organization, user).await?;
        let (now, idle) = (self.now(), self.settings.sessions.idle);
        let mut sessions = self.parts.store.sessions(organization, user).await?;
        sessions.retain(|session| session.is_live_at(now, idle));
        Ok(sessions)
    }

    /// Ends a session of a user: of oneself, or with the permission to manage people and a recent proof.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn revoke_session(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
        session: SessionId,
    ) -> Result<(), PeopleError> {
        self.require_self_or_manager(author, user)?;
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            let sessions = self.parts.store.sessions(organization.id, user.meta.id).await?;
            if !sessions.iter().any(|one| one.id == session) {
                return Err(PeopleError::NotFound);
            }
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            if self.commit(revoke_session(&context, timestamp, &user, session)).await? {
                return Ok(());
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Ends all sessions of a user, but the author's own: of oneself, or with the permission to manage people and a recent
    /// proof.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn revoke_sessions(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
    ) -> Result<(), PeopleError> {
        self.require_self_or_manager(author, user)?;
        let current = author.caller.map(|caller| caller.session.id);
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            if self.commit(revoke_sessions(&context, timestamp, &user, current)).await? {
                return Ok(());
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    fn require_self_or_manager(&self, author: &Author<'_>, user: UserId) -> Result<(), PeopleError> {
        if author.caller.is_some_and(|caller| caller.user.meta.id == user) {
            return Ok(());
        }
        author.require_recent(Permission::ManagePeople, self.now())
    }

    /// Checks after a conflict that the author has not changed since they were authorized.
    pub(crate) async fn ensure_current(&self, author: &Author<'_>) -> Result<(), PeopleError> {
        let Some(caller) = author.caller else { return Ok(()) };
        let current = self.user(caller.user.meta.organization, caller.user.meta.id).await?;
        if current.meta.revision == caller.user.meta.revision { Ok(()) } else { Err(UserDenied::SignedOut.into()) }
    }
}
