//! Credentials, sessions and one-time links of users.

use async_trait::async_trait;
use audit::AuditFilter;
use auth::{
    CredentialChange, Credentials, ExternalIdentity, MAX_LISTED_SESSIONS, OneTimeLink, PeopleStore, Session, SessionId,
    SessionLevel, SignInSummary, StoredUser, TokenHash, User, UserId, is_discarded_at,
};
use kernel::{Changeset, CommitError, OrganizationId, PageLimit, PageRequest, StoreError, Timestamp};

use crate::{Call, MemoryStore, state::State};

#[async_trait]
impl PeopleStore for MemoryStore {
    async fn credentials(&self, organization: OrganizationId, user: UserId) -> Result<Option<Credentials>, StoreError> {
        Ok(self.snapshot()?.credentials.get(&(organization, user)).cloned())
    }

    async fn user_with_passkey(
        &self,
        organization: OrganizationId,
        credential_id: &[u8],
    ) -> Result<Option<UserId>, StoreError> {
        let state = self.snapshot()?;
        let mut of_organization = state.credentials.iter().filter(|((of, _), _)| *of == organization);
        let has_it = |stored: &Credentials| stored.passkeys.iter().any(|one| one.credential_id == credential_id);
        Ok(of_organization.find(|(_, stored)| has_it(stored)).map(|((_, user), _)| *user))
    }

    async fn session(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<(Session, StoredUser)>, StoreError> {
        self.intercept(Call::Session).await?;
        let state = self.snapshot()?;
        let session = state.sessions_of(organization).find(|session| session.token == token);
        Ok(session.and_then(|session| Some((session.clone(), state.record(organization, session.user)?))))
    }

    async fn sessions(&self, organization: OrganizationId, user: UserId) -> Result<Vec<Session>, StoreError> {
        let state = self.snapshot()?;
        let own = state.sessions_of(organization).filter(|session| session.user == user);
        let mut own: Vec<Session> = own.cloned().collect();
        own.sort_unstable_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        own.truncate(MAX_LISTED_SESSIONS);
        Ok(own)
    }

    async fn sign_in_summaries(
        &self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<SignInSummary>, StoreError> {
        let state = self.snapshot()?;
        let mut summaries = Vec::new();
        for user in users.iter().filter(|user| state.record::<User>(organization, **user).is_some()) {
            let summary = state.sign_in_summary(organization, *user);
            let recorded = self.recorded_sign_in(organization, *user).await?;
            summaries.push(SignInSummary { last_sign_in: summary.last_sign_in.max(recorded), ..summary });
        }
        Ok(summaries)
    }

    async fn one_time_link(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<OneTimeLink>, StoreError> {
        Ok(self.snapshot()?.links.get(&(organization, token)).cloned())
    }

    async fn identity(
        &self,
        organization: OrganizationId,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StoreError> {
        Ok(self.snapshot()?.identities.get(&(organization, issuer.to_owned(), subject.to_owned())).cloned())
    }

    async fn identities(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<ExternalIdentity>, StoreError> {
        let state = self.snapshot()?;
        let own = state.identities.values().filter(|one| one.organization == organization && one.user == user);
        let mut own: Vec<ExternalIdentity> = own.cloned().collect();
        own.sort_by_key(|identity| identity.linked_at);
        own.truncate(ExternalIdentity::MAX_PER_USER);
        Ok(own)
    }

    async fn record_session_use(
        &self,
        organization: OrganizationId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(|state| {
            if let Some(stored) = state.sessions.get_mut(&(organization, session)) {
                stored.last_used_at = stored.last_used_at.max(at);
            }
            Ok(())
        })
    }

    async fn commit_with_credentials(
        &self,
        changeset: Changeset,
        changes: &[CredentialChange],
    ) -> Result<bool, CommitError> {
        self.intercept(Call::Commit).await?;
        let outcome = self.store_rows(changeset.entries(), |state, rows| {
            for change in changes {
                state.change_credentials(changeset.organization(), change)?;
            }
            state.apply(&changeset, rows).map_err(Failure::Commit)
        });
        match outcome {
            Ok(()) => {
                if let Some(interceptor) = &self.interceptor {
                    interceptor.committed(&changeset);
                }
                Ok(true)
            }
            Err(Failure::Unmet) => Ok(false),
            Err(Failure::Commit(error)) => Err(error),
        }
    }

    async fn delete_expired_sessions_and_links(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.change(|state| {
            let sessions = state.sessions.iter().filter(|(_, session)| is_discarded_at(session.expires_at, now));
            let mut sessions: Vec<_> = sessions.map(|(key, session)| (session.expires_at, *key)).collect();
            sessions.sort_unstable();
            let links = state.links.iter().filter(|(_, link)| is_discarded_at(link.expires_at, now));
            let mut links: Vec<_> = links.map(|(key, link)| (link.expires_at, *key)).collect();
            links.sort_unstable();
            sessions.truncate(limit);
            links.truncate(limit);
            for (_, key) in &sessions {
                state.sessions.remove_mut(key);
            }
            for (_, key) in &links {
                state.links.remove_mut(key);
            }
            Ok((sessions.len() + links.len()) as u64)
        })
    }
}

/// The reason that nothing was stored.
pub(crate) enum Failure {
    /// The condition of a change does not hold.
    Unmet,
    Commit(CommitError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

impl MemoryStore {
    /// Returns the time of the last sign-in of the user in the audit log.
    async fn recorded_sign_in(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sign_ins = AuditFilter {
            actions: [SignInSummary::SIGNED_IN.to_owned()].into(),
            subjects: [user.to_string()].into(),
            ..AuditFilter::default()
        };
        let page = PageRequest { limit: PageLimit::clamped(1), ..PageRequest::default() };
        let newest = self.log.entries(organization, &sign_ins, &page, Timestamp::MIN).await?;
        Ok(newest.items.first().map(|stored| stored.entry.occurred_at))
    }
}

impl State {
    fn sign_in_summary(&self, organization: OrganizationId, user: UserId) -> SignInSummary {
        let credentials = self.credentials.get(&(organization, user));
        let factor = credentials.and_then(|stored| stored.second_factor.as_ref());
        let complete = self
            .sessions_of(organization)
            .filter(|session| session.user == user && session.level == SessionLevel::Full)
            .map(|session| session.created_at);
        SignInSummary {
            user,
            second_factor_since: factor.map(|factor| factor.enrolled_at),
            passkeys: credentials.map_or(0, |stored| stored.passkeys.len()),
            last_sign_in: complete.max(),
        }
    }

    fn sessions_of(&self, organization: OrganizationId) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(move |((of, _), _)| *of == organization).map(|(_, session)| session)
    }

    fn change_credentials(&mut self, organization: OrganizationId, change: &CredentialChange) -> Result<(), Failure> {
        match change {
            CredentialChange::SetCredentials { user, credentials } => {
                let key = (organization, *user);
                let stored = self.credentials.get(&key).map_or(0, |stored| stored.version);
                met(stored + 1 == credentials.version)?;
                self.credentials.insert_mut(key, credentials.clone());
            }
            CredentialChange::AddSession(session) => {
                self.sessions.insert_mut((organization, session.id), session.clone());
            }
            CredentialChange::RemoveSession { user, session } => {
                let key = (organization, *session);
                met(self.sessions.get(&key).is_some_and(|stored| stored.user == *user))?;
                self.sessions.remove_mut(&key);
            }
            CredentialChange::RemoveSessions { user, except } => {
                let own = self.sessions_of(organization).filter(|session| session.user == *user);
                let ended: Vec<_> = own.map(|session| session.id).filter(|id| Some(*id) != *except).collect();
                for id in ended {
                    self.sessions.remove_mut(&(organization, id));
                }
            }
            CredentialChange::Reauthenticate { user, session, at } => {
                let stored = self.sessions.get_mut(&(organization, *session)).filter(|stored| stored.user == *user);
                stored.ok_or(Failure::Unmet)?.authenticated_at = *at;
            }
            CredentialChange::AddLink(link) => self.links.insert_mut((organization, link.token), link.clone()),
            CredentialChange::UseLink(token) => met(self.links.remove_mut(&(organization, *token)))?,
            CredentialChange::RemoveLinks { user } => {
                let own = self.links.iter().filter(|((of, _), link)| *of == organization && link.user == *user);
                let removed: Vec<_> = own.map(|(key, _)| *key).collect();
                for key in removed {
                    self.links.remove_mut(&key);
                }
            }
            CredentialChange::AddIdentity(identity) => {
                let key = (organization, identity.issuer.clone(), identity.subject.clone());
                met(!self.identities.contains_key(&key))?;
                self.identities.insert_mut(key, identity.clone());
            }
            CredentialChange::UseIdentity { user, issuer, subject, at } => {
                let key = (organization, issuer.clone(), subject.clone());
                let stored = self.identities.get_mut(&key).filter(|stored| stored.user == *user);
                stored.ok_or(Failure::Unmet)?.last_used_at = *at;
            }
            CredentialChange::RemoveIdentities { user } => {
                let own = self.identities.iter().filter(|((of, ..), one)| *of == organization && one.user == *user);
                let removed: Vec<_> = own.map(|(key, _)| key.clone()).collect();
                for key in removed {
                    self.identities.remove_mut(&key);
                }
            }
        }
        Ok(())
    }
}

fn met(condition: bool) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::Unmet) }
}
