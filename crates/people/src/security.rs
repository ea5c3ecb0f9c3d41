//! How users sign in, and when they last did: what their credentials, sessions and audit entries say, without any secret.

use std::collections::{BTreeMap, BTreeSet};

use audit::{AuditFilter, AuditLog};
use auth::{Passkey, Permission, Session, SessionLevel, SignInSummary, UserCaller, UserId};
use kernel::{OrganizationId, PageLimit, PageRequest, Timestamp};

use crate::{error::PeopleError, people::People};

/// How a user signs in.
#[derive(Clone, Debug, Default)]
pub struct UserSecurity {
    /// The time at which the password was set; `None` if there is none yet.
    pub password_set_at: Option<Timestamp>,
    /// The time at which the authenticator app was enrolled, if there is one.
    pub second_factor_since: Option<Timestamp>,
    /// The passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// The number of recovery codes that were not used yet.
    pub recovery_codes_left: usize,
    /// The time of the last completed sign-in.
    pub last_sign_in: Option<Timestamp>,
    /// The sessions that are not over, the one used last first.
    pub sessions: Vec<Session>,
}

impl UserSecurity {
    /// Whether a sign-in with the password needs another step.
    #[must_use]
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor_since.is_some() || !self.passkeys.is_empty()
    }
}

impl People {
    /// Returns how a user signs in: of oneself, or with the permission to see people.
    ///
    /// # Errors
    /// [`PeopleError::Denied`], [`PeopleError::NotFound`], or the store fails.
    pub async fn security(
        &self,
        caller: &UserCaller,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<UserSecurity, PeopleError> {
        if caller.user.meta.id != user {
            caller.require(Permission::ReadPeople)?;
        }
        let sessions = self.sessions(Some(caller), organization, user).await?;
        let credentials = self.parts.store.credentials(organization, user).await?;
        let complete = sessions.iter().filter(|session| session.level == SessionLevel::Full);
        let last_sign_in = match complete.map(|session| session.created_at).max() {
            Some(at) => Some(at),
            None => self.last_recorded_sign_in(organization, user).await?,
        };
        let factor = credentials.as_ref().and_then(|credentials| credentials.second_factor.as_ref());
        Ok(UserSecurity {
            password_set_at: credentials.as_ref().map(|credentials| credentials.password_set_at),
            passkeys: credentials.as_ref().map_or_else(Vec::new, |credentials| credentials.passkeys.clone()),
            second_factor_since: factor.map(|factor| factor.enrolled_at),
            recovery_codes_left: credentials.as_ref().map_or(0, |credentials| credentials.recovery_codes.len()),
            last_sign_in,
            sessions,
        })
    }

    /// Returns how each of these users signs in, in their order, in one read.
    ///
    /// # Errors
    /// [`PeopleError::Denied`] without the permission to see people, [`PeopleError::NotFound`] if one of them does not
    /// exist, or the store fails.
    pub async fn sign_in_summaries(
        &self,
        caller: &UserCaller,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<SignInSummary>, PeopleError> {
        caller.require(Permission::ReadPeople)?;
        let found = self.parts.store.sign_in_summaries(organization, users).await?;
        let mut found: BTreeMap<UserId, SignInSummary> =
            found.into_iter().map(|summary| (summary.user, summary)).collect();
        users.iter().map(|user| found.remove(user).ok_or(PeopleError::NotFound)).collect()
    }

    async fn last_recorded_sign_in(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Timestamp>, PeopleError> {
        let filter = AuditFilter {
            actions: BTreeSet::from([SignInSummary::SIGNED_IN.to_owned()]),
            subjects: BTreeSet::from([user.to_string()]),
            ..AuditFilter::default()
        };
        let newest = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        let entries = AuditLog::entries(&*self.parts.store, organization, &filter, &newest).await?;
        Ok(entries.items.first().map(|stored| stored.entry.occurred_at))
    }
}
