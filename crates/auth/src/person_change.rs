//! The result of a decision about a person, and what decisions have in common.

use std::time::Duration;

use kernel::{Action, Change, Changeset, Id, OrganizationId, Subject, Timestamp, WriteContext, WriteTimestamp};

use crate::{
    one_time_link::{LinkPurpose, OneTimeLink},
    opaque_token::{OpaqueToken, TokenUse},
    people_ports::CredentialChange,
    person_credentials::Credentials,
    session::{Session, SessionId, SessionLevel, SessionLifetimes},
    user::{StoredUser, User, UserId},
};

/// All that a decision stores: the changeset, and the changes of credentials, sessions and links that are committed with
/// it by [`crate::PeopleStore::commit_with_credentials`].
#[derive(Debug)]
pub struct PersonChange {
    /// The records and audit entries.
    pub changeset: Changeset,
    /// The other changes, in order.
    pub credentials: Vec<CredentialChange>,
}

/// A link that was issued, with the token that is shown once.
#[derive(Debug)]
pub struct IssuedLink {
    /// The link.
    pub link: OneTimeLink,
    /// The token of the link.
    pub token: OpaqueToken,
}

/// A session that begins, with the token for the cookie.
#[derive(Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The token of the session.
    pub token: OpaqueToken,
}

/// The browser from which a user signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// Its network address.
    pub source_address: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

/// The circumstances of a sign-in.
#[derive(Clone, Debug)]
pub struct SignInContext<'a> {
    /// The lifetimes of sessions.
    pub lifetimes: SessionLifetimes,
    /// The browser.
    pub browser: &'a Browser,
    /// The present sessions of the user.
    pub sessions: Vec<Session>,
}

impl PersonChange {
    /// Begins a change of a user, without other changes than the audit entry.
    pub(crate) fn of_user(
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
        action: &'static str,
        user: UserId,
    ) -> Self {
        let changeset = context.begin(timestamp, Action::new(action), Some(Subject::from_id(user)));
        Self { changeset, credentials: Vec::new() }
    }

    /// The time from which on what begins with the change lasts.
    pub(crate) fn now(&self) -> Timestamp {
        self.changeset.due_at()
    }

    /// Replaces the record of the user. Without a difference, the stored record must only be unchanged.
    pub(crate) fn set_user(&mut self, before: &StoredUser, record: User) -> StoredUser {
        if record == before.record {
            self.changeset.require_unchanged(before);
            return before.clone();
        }
        let after = before.changed(self.changeset.at(), record);
        self.changeset.set_changes(Change::between(Some(&before.record), &after.record));
        self.changeset.update(before, &after);
        after
    }

    pub(crate) fn set_credentials(&mut self, user: UserId, credentials: Credentials) {
        self.credentials.push(CredentialChange::SetCredentials { user, credentials });
    }

    /// The credentials that the change stores, if it stores any.
    #[must_use]
    pub fn new_credentials(&self) -> Option<&Credentials> {
        self.credentials.iter().find_map(|change| match change {
            CredentialChange::SetCredentials { credentials, .. } => Some(credentials),
            _ => None,
        })
    }

    pub(crate) fn end_sessions(&mut self, user: UserId, except: Option<SessionId>) {
        self.credentials.push(CredentialChange::RemoveSessions { user, except });
    }

    /// Issues a link, which replaces the earlier ones of the user.
    pub(crate) fn issue_link(
        &mut self,
        context: &WriteContext<'_>,
        purpose: LinkPurpose,
        user: Option<UserId>,
        lifetime: Duration,
    ) -> IssuedLink {
        let organization = context.organization.id;
        let token = OpaqueToken::generate(TokenUse::Link, organization, context.entropy);
        let created_at = self.now();
        let expires_at = created_at + lifetime;
        let link = OneTimeLink { organization, token: token.hash(), purpose, user, created_at, expires_at };
        self.credentials.push(CredentialChange::RemoveLinks { user });
        self.credentials.push(CredentialChange::AddLink(link.clone()));
        IssuedLink { link, token }
    }

    /// Begins a session of the user.
    pub(crate) fn begin_session(
        &mut self,
        context: &WriteContext<'_>,
        user: UserId,
        level: SessionLevel,
        lifetimes: SessionLifetimes,
        browser: &Browser,
    ) -> NewSession {
        let organization: OrganizationId = context.organization.id;
        let token = OpaqueToken::generate(TokenUse::Session, organization, context.entropy);
        let now = self.now();
        let lifetime = match level {
            SessionLevel::Full => lifetimes.absolute,
            _ => Session::PENDING_LIFETIME,
        };
        let session = Session {
            id: Id::new(context.entropy.ulid(self.changeset.at())),
            organization,
            user,
            token: token.hash(),
            level,
            created_at: now,
            authenticated_at: now,
            last_used_at: now,
            expires_at: now + lifetime,
            source_address: browser.source_address.clone(),
            user_agent: browser.user_agent.as_ref().map(|agent| agent.chars().take(Session::MAX_USER_AGENT).collect()),
        };
        self.credentials.push(CredentialChange::AddSession(session.clone()));
        NewSession { session, token }
    }
}

impl PersonChange {
    /// Adds the entry of a sign-in that the change completes.
    pub(crate) fn add_signed_in(&mut self, context: &WriteContext<'_>, user: UserId) {
        let signed_in = Action::new("user.signed_in");
        self.changeset.add_entry(context.entropy, signed_in, Some(Subject::from_id(user)), Vec::new());
    }

    /// Stores credentials with another second factor, and replaces the session in which it was enrolled by a complete one
    /// with another token. The user's other sessions end if they were begun without it.
    pub(crate) fn enroll(
        &mut self,
        context: &WriteContext<'_>,
        credentials: Credentials,
        current: &Session,
        ends_others: bool,
        sign_in: &SignInContext<'_>,
    ) -> NewSession {
        let user = current.user;
        self.set_credentials(user, credentials);
        self.credentials.push(CredentialChange::RemoveSession { user, session: current.id });
        if ends_others {
            self.end_sessions(user, None);
        }
        if current.level == SessionLevel::EnrollmentPending {
            self.add_signed_in(context, user);
        }
        self.begin_session(context, user, SessionLevel::Full, sign_in.lifetimes, sign_in.browser)
    }

    /// Sets the time at which the person of the session that begins proved who they are.
    pub(crate) fn date_proof(&mut self, begun: &mut NewSession, at: Timestamp) {
        begun.session.authenticated_at = at;
        for change in &mut self.credentials {
            if let CredentialChange::AddSession(session) = change
                && session.id == begun.session.id
            {
                session.authenticated_at = at;
            }
        }
    }
}

/// Returns the changes that end sessions of the user so that one more may begin: those whose sign-in is not complete
/// first, then those that were unused for longest.
pub(crate) fn make_room(mut sessions: Vec<Session>) -> impl Iterator<Item = CredentialChange> {
    sessions.sort_unstable_by_key(|session| (session.level == SessionLevel::Full, session.last_used_at, session.id));
    let excess = (sessions.len() + 1).saturating_sub(Session::MAX_PER_USER);
    let ended = sessions.into_iter().take(excess);
    ended.map(|session| CredentialChange::RemoveSession { user: session.user, session: session.id })
}
