//! Commands of those who manage people: administrators, and operators at the command line.

use std::time::Duration;

use kernel::{Action, Change, FieldValue, Id, RecordKey, Stored, Subject, Title, WriteContext, WriteTimestamp};

use crate::{
    one_time_link::LinkPurpose,
    people_ports::CredentialChange,
    person_change::{IssuedLink, PersonChange},
    person_credentials::Credentials,
    role::Role,
    session::SessionId,
    user::{StoredUser, User, UserStatus},
};

/// The reason that a command about a user is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Only invited users can be invited again.
    #[error("the user is not invited any more, but {}; to let them set another password, issue a reset link", .0.name())]
    NotInvited(UserStatus),
    /// Only active users can set another password by a link.
    #[error("the user is not active, but {}", .0.name())]
    NotActive(UserStatus),
}

/// Creates an invited user and issues the link of the invitation.
pub fn create_user(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: User,
    lifetime: Duration,
) -> (PersonChange, StoredUser, IssuedLink) {
    let id = Id::new(context.entropy.ulid(timestamp.at()));
    let mut change = PersonChange::of_user(context, timestamp, "user.created", id);
    let stored = Stored::new(context.organization.id, id, change.changeset.at(), user);
    change.changeset.set_changes(Change::between(None, &stored.record));
    change.changeset.create(&stored);
    let link = change.issue_link(context, LinkPurpose::Invitation, Some(id), lifetime);
    change.changeset.add_entry(context.entropy, Action::new("user.invited"), Some(Subject::from_id(id)), Vec::new());
    (change, stored, link)
}

/// Issues the link for the first administrator of a workspace, who gives name and email address when using it.
pub fn issue_first_administrator_link(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    lifetime: Duration,
) -> (PersonChange, IssuedLink) {
    let subject = Subject::from_id(context.organization.id);
    let changeset = context.begin(timestamp, Action::new("organization.first_administrator_invited"), Some(subject));
    let mut change = PersonChange { changeset, credentials: Vec::new() };
    let link = change.issue_link(context, LinkPurpose::FirstAdministrator, None, lifetime);
    (change, link)
}

/// Issues a new link for an invited user, which replaces the earlier one.
///
/// # Errors
/// [`UserError::NotInvited`].
pub fn invite_again(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    lifetime: Duration,
) -> Result<(PersonChange, IssuedLink), UserError> {
    if user.record.status != UserStatus::Invited {
        return Err(UserError::NotInvited(user.record.status));
    }
    let mut change = PersonChange::of_user(context, timestamp, "user.invited", user.meta.id);
    change.changeset.require_unchanged(user);
    let link = change.issue_link(context, LinkPurpose::Invitation, Some(user.meta.id), lifetime);
    Ok((change, link))
}

/// Issues a link by which an active user sets another password. The present one stays valid until then. If the second
/// factors are lost, the credentials are given: authenticator app, passkeys and recovery codes are removed, and all sessions
/// end.
///
/// # Errors
/// [`UserError::NotActive`].
pub fn issue_reset(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    lost_second_factor: Option<&Credentials>,
    lifetime: Duration,
) -> Result<(PersonChange, IssuedLink), UserError> {
    if !user.record.is_active() {
        return Err(UserError::NotActive(user.record.status));
    }
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.reset_link_issued", id);
    change.changeset.require_unchanged(user);
    let link = change.issue_link(context, LinkPurpose::PasswordReset, Some(id), lifetime);
    if let Some(credentials) = lost_second_factor {
        change.set_credentials(id, credentials.without_second_factors());
        change.end_sessions(id, None);
        let removed = Action::new("user.second_factor_removed");
        change.changeset.add_entry(context.entropy, removed, Some(Subject::from_id(id)), removed_passkeys(credentials));
    }
    Ok((change, link))
}

/// The names of the passkeys that are removed with all second factors.
fn removed_passkeys(credentials: &Credentials) -> Vec<Change> {
    let names: Vec<String> = credentials.passkeys.iter().map(|passkey| passkey.name.to_string()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![Change { field: "passkeys".into(), before: FieldValue::Texts(names), after: FieldValue::Null }]
}

/// Gives a user another role. Their sessions end, since another role may require a second factor.
pub fn set_role(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    role: Role,
) -> (PersonChange, StoredUser) {
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.role_set", user.meta.id);
    let after = change.set_user(user, user.record.with_role(role));
    if user.record.role != role {
        change.end_sessions(user.meta.id, None);
    }
    (change, after)
}

/// Changes the name and the time zone of a user, who stays signed in.
pub fn set_profile(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    name: Title,
    timezone: Option<RecordKey>,
) -> (PersonChange, StoredUser) {
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.updated", user.meta.id);
    let after = change.set_user(user, User { name, timezone, ..user.record.clone() });
    (change, after)
}

/// Disables a user: their sessions end and their links do not work any more.
pub fn disable_user(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
) -> (PersonChange, StoredUser) {
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.disabled", user.meta.id);
    let after = change.set_user(user, user.record.with_status(UserStatus::Disabled));
    change.end_sessions(user.meta.id, None);
    change.credentials.push(CredentialChange::RemoveLinks { user: Some(user.meta.id) });
    (change, after)
}

/// Enables a disabled user. One who had neither a password nor a linked identity is invited again, and needs a new link.
pub fn enable_user(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    can_sign_in: bool,
) -> (PersonChange, StoredUser) {
    let status = match user.record.status {
        UserStatus::Disabled if can_sign_in => UserStatus::Active,
        UserStatus::Disabled => UserStatus::Invited,
        status => status,
    };
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.enabled", user.meta.id);
    let after = change.set_user(user, user.record.with_status(status));
    (change, after)
}

/// Ends one session of a user. The condition: it exists.
pub fn revoke_session(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    session: SessionId,
) -> PersonChange {
    let subject = Subject { kind: "session".into(), id: session.to_string() };
    let changeset = context.begin(timestamp, Action::new("session.revoked"), Some(subject));
    let ended = CredentialChange::RemoveSession { user: user.meta.id, session };
    PersonChange { changeset, credentials: vec![ended] }
}

/// Ends all sessions of a user, but one.
pub fn revoke_sessions(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    except: Option<SessionId>,
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.sessions_revoked", user.meta.id);
    change.end_sessions(user.meta.id, except);
    change
}
