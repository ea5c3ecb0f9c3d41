//! The identities of a provider that users are linked with, as operators manage them.

use auth::{ExternalIdentity, Permission, StoredUser, UserId, link_identity, unlink_identities};
use kernel::{OrganizationId, OrganizationRef};

use crate::{
    author::Author,
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
};

impl People {
    /// The identities that a user is linked with.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn identities(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<ExternalIdentity>, PeopleError> {
        Ok(self.parts.store.identities(organization, user).await?)
    }

    /// Links an identity with a user, for instance with one who had a password before there was a provider.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::IdentityTaken`], [`PeopleError::TooManyIdentities`],
    /// [`PeopleError::NotFound`], [`PeopleError::Invalid`] for the field `subject`, or the store fails.
    pub async fn link_identity(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
        (issuer, subject): (&str, &str),
    ) -> Result<StoredUser, PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        if !ExternalIdentity::is_subject(subject) {
            let rule = format!("must have 1 to {} bytes and no control characters", ExternalIdentity::MAX_SUBJECT);
            return Err(PeopleError::field("subject", rule));
        }
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            if self.parts.store.identity(organization.id, issuer, subject).await?.is_some() {
                return Err(PeopleError::IdentityTaken);
            }
            let present = self.parts.store.identities(organization.id, user.meta.id).await?;
            if present.len() >= ExternalIdentity::MAX_PER_USER {
                return Err(PeopleError::TooManyIdentities);
            }
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            if self.commit(link_identity(&context, timestamp, &user, (issuer, subject))).await? {
                return Ok(user);
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }

    /// Unlinks all identities of a user, whose sessions end. Returns how many there were.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn unlink_identities(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        user: UserId,
    ) -> Result<usize, PeopleError> {
        author.require_recent(Permission::ManagePeople, self.now())?;
        for _ in 0..MAX_ATTEMPTS {
            let user = self.user(organization.id, user).await?;
            let identities = self.parts.store.identities(organization.id, user.meta.id).await?;
            let context = self.context(organization, &author.attribution, author.reason);
            let timestamp = self.parts.store.begin_write();
            if self.commit(unlink_identities(&context, timestamp, &user, &identities)).await? {
                return Ok(identities.len());
            }
            self.ensure_current(author).await?;
        }
        Err(PeopleError::Contended)
    }
}
