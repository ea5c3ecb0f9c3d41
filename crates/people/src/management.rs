//! The management of users: by administrators, and by operators at the command line.

use auth::{
    IssuedLink, LinkPurpose, Permission, Role, StoredUser, User, UserCaller, UserEmail, UserId, create_user,
    disable_user, enable_user, invite_again, issue_first_administrator_link, issue_reset, set_role,
};
use kernel::{OrganizationId, OrganizationRef, PageLimit, PageRequest, Reader, Title};

use crate::{
    author::Author,
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
};

impl People {
    /// Returns all users of the organization, newest first, for a user who may see them, or for the operator.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], or the store fails.
    pub async fn users(
        &self,
        caller: Option<&UserCaller>,
        organization: OrganizationId,
    ) -> Result<Vec<StoredUser>, PeopleError> {
        if let Some(caller) = caller {
            caller.require(Permission::ReadPeople)?;
        }
        let reader: &dyn Reader<User> = &*self.parts.store;
        let mut users = Vec::new();
        let limit = PageLimit::clamped(u64::from(PageLimit::MAX));
        let mut request = PageRequest { limit, ..PageRequest::default() };
        loop {
            let page = reader.list(organization, &kernel::Filter::default(), &request).await?;
            users.extend(page.items);
            match page.next {
                Some(next) => request.after = Some(next),
                None => return Ok(users),
            }
        }
    }

    /// Returns the user with this email address.
    ///
    /// # Errors
    /// [`PeopleError::NotFound`], or the store fails.
    pub async fn user_by_email(
        &self,
        organization: OrganizationId,
        email: &UserEmail,
    ) -> Result<StoredUser, PeopleError> {
        let found = Reader::<User>::get_by_keys(&*self.parts.store, organization, &[email.as_str()]).await?;
        found.into_iter().next().ok_or(PeopleError::NotFound)
    }

    /// Creates a user and issues the link of the invitation.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::EmailTaken`], or the store fails.
    pub async fn create_user(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        (name, email, role): (Title, UserEmail, Role),
    ) -> Result<(StoredUser, IssuedLink), PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        for _ in 0..MAX_ATTEMPTS {
            match self.user_by_email(organization.id, &email).await {
                Err(PeopleError::NotFound) => {}
                Ok(_) => return Err(PeopleError::EmailTaken),
                Err(error) => return Err(error),
            }
            let record = User::invited(name.clone(), email.clone(), role);
            let (change, user, link) = create_user(
                &self.context(organization, &author.attribution, author.reason),
                self.parts.store.begin_write(),
                record,
                self.settings.invitation_lifetime,
            );
            if self.commit(change).await? {
                return Ok((user, link));
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Issues the link for the first administrator of a workspace, for the operator of the server.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn issue_first_administrator_link(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
    ) -> Result<IssuedLink, PeopleError> {
        author.require(Permission::ManagePeople)?;
        let lifetime = LinkPurpose::FirstAdministrator.default_lifetime();
        let context = self.context(organization, &author.attribution, author.reason);
        let (change, link) = issue_first_administrator_link(&context, self.parts.store.begin_write(), lifetime);
        if self.commit(change).await? { Ok(link) } else { Err(PeopleError::Contended) }
    }

    /// Issues a new link for an invited user.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Refused`], [`PeopleError::NotFound`], or the store fails.
    pub async fn invite_again(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
    ) -> Result<(StoredUser, IssuedLink), PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            let (change, link) = invite_again(&context, timestamp, &user, self.settings.invitation_lifetime)?;
            if self.commit(change).await? {
                return Ok((user, link));
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Issues a link by which a user sets another password. With `lost_second_factor`, the authenticator app, all
    /// passkeys and the recovery codes are removed, and all sessions end.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::Refused`], [`PeopleError::NotFound`], or the store fails.
    pub async fn issue_reset(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
        lost_second_factor: bool,
    ) -> Result<(StoredUser, IssuedLink), PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        let lifetime = LinkPurpose::PasswordReset.default_lifetime();
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            let credentials = self.parts.store.credentials(organization.id, user.meta.id).await?;
            let lost = credentials.as_ref().filter(|_| lost_second_factor);
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            let (change, link) = issue_reset(&context, timestamp, &user, lost, lifetime)?;
            if self.commit(change).await? {
                return Ok((user, link));
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Gives a user another role. Their sessions end.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::OwnAccount`], [`PeopleError::NotFound`], or the store fails.
    pub async fn set_role(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
        role: Role,
    ) -> Result<StoredUser, PeopleError> {
        self.change(author, organization, user, StatusChange::Role(role)).await
    }

    /// Disables a user: their sessions end, and their next request is refused.
    ///
    /// # Errors
    /// As [`Self::set_role`].
    pub async fn disable_user(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
    ) -> Result<StoredUser, PeopleError> {
        self.change(author, organization, user, StatusChange::Disable).await
    }

    /// Enables a disabled user.
    ///
    /// # Errors
    /// As [`Self::set_role`].
    pub async fn enable_user(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
    ) -> Result<StoredUser, PeopleError> {
        self.change(author, organization, user, StatusChange::Enable).await
    }

    /// Changes the role or the status of a user. Nobody changes their own: so the workspace of an administrator who
    /// changes others keeps one, since the commit checks that the author is still what they were.
    async fn change(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
        what: StatusChange,
    ) -> Result<StoredUser, PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        if author.caller.is_some_and(|caller| caller.user.meta.id == user) {
            return Err(PeopleError::OwnAccount);
        }
        for _ in 0..MAX_ATTEMPTS {
            let before = self.user(organization.id, user).await?;
            let can_sign_in = self.parts.store.credentials(organization.id, user).await?.is_some()
                || !self.parts.store.identities(organization.id, user).await?.is_empty();
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            let (change, after) = match what {
                StatusChange::Role(role) => set_role(&context, timestamp, &before, role),
                StatusChange::Disable => disable_user(&context, timestamp, &before),
                StatusChange::Enable => enable_user(&context, timestamp, &before, can_sign_in),
            };
            if self.commit(change).await? {
                return Ok(after);
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }
}

/// A change of the role or the status of a user.
#[derive(Clone, Copy)]
enum StatusChange {
    Role(Role),
    Disable,
    Enable,
}
