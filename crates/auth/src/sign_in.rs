//! The steps of a sign-in, and what users do with their own credentials. Each has been authorized before: the password,
//! the code or the link was right.

use kernel::{Action, Change, Stored, Subject, WriteContext, WriteTimestamp};

use crate::{
    one_time_link::{LinkPurpose, OneTimeLink},
    opaque_token::TokenHash,
    people_ports::CredentialChange,
    person_change::{NewSession, PersonChange, SignInContext, make_room},
    person_credentials::{Credentials, PasswordHash, SecondFactor},
    session::{Session, SessionLevel},
    user::{StoredUser, User, UserId, UserStatus},
};

/// A second factor to store with its recovery codes.
#[derive(Clone, Debug)]
pub struct NewSecondFactor {
    /// The factor.
    pub factor: SecondFactor,
    /// The hashes of the new recovery codes.
    pub recovery_codes: Vec<TokenHash>,
}

/// The level of a session that begins after the right password.
fn level_of(user: &User, has_second_factor: bool) -> SessionLevel {
    if has_second_factor {
        SessionLevel::SecondFactorPending
    } else if user.role.requires_second_factor() {
        SessionLevel::EnrollmentPending
    } else {
        SessionLevel::Full
    }
}

/// Begins a session after the right password. It is complete only if there is no second factor and none is required.
/// `rehashed` replaces a hash with outdated parameters.
pub fn password_accepted(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    rehashed: Option<PasswordHash>,
    sign_in: SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let level = level_of(&user.record, credentials.has_second_factor());
    let action = if level == SessionLevel::Full { "user.signed_in" } else { "user.password_accepted" };
    let mut change = PersonChange::of_user(context, timestamp, action, user.meta.id);
    if let Some(password) = rehashed {
        change.set_credentials(user.meta.id, Credentials { password, ..credentials.next() });
    }
    let SignInContext { lifetimes, browser, sessions } = sign_in;
    change.credentials.extend(make_room(sessions));
    let session = change.begin_session(context, user.meta.id, level, lifetimes, browser);
    (change, session)
}

/// Replaces the session that waited for the second factor by a complete one with another token. `credentials` are those
/// after the code or recovery code was used.
pub fn second_factor_accepted(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    pending: &Session,
    credentials: Credentials,
    uses_recovery_code: bool,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.signed_in", id);
    if uses_recovery_code {
        let used = Action::new("user.recovery_code_used");
        change.changeset.add_entry(context.entropy, used, Some(Subject::from_id(id)), Vec::new());
    }
    change.set_credentials(id, credentials);
    change.credentials.push(CredentialChange::RemoveSession { user: id, session: pending.id });
    let session = change.begin_session(context, id, SessionLevel::Full, sign_in.lifetimes, sign_in.browser);
    (change, session)
}

/// Stores a second factor and replaces the session in which it was enrolled by a complete one with another token. The
/// user's other sessions end.
pub fn second_factor_enrolled(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    second_factor: NewSecondFactor,
    current: &Session,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let mut change = PersonChange::of_user(context, timestamp, "user.second_factor_enrolled", user.meta.id);
    let NewSecondFactor { factor, recovery_codes } = second_factor;
    let credentials = credentials.with_second_factor(factor, recovery_codes);
    let session = change.enroll(context, credentials, current, true, sign_in);
    (change, session)
}

/// Removes the authenticator app. The user's other sessions end.
pub fn second_factor_removed(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    current: &Session,
) -> PersonChange {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.second_factor_removed", id);
    change.set_credentials(id, credentials.without_authenticator_app());
    change.end_sessions(id, Some(current.id));
    change
}

/// Replaces the recovery codes.
pub fn recovery_codes_replaced(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    recovery_codes: Vec<TokenHash>,
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.recovery_codes_replaced", user.meta.id);
    change.set_credentials(user.meta.id, Credentials { recovery_codes, ..credentials.next() });
    change
}

/// Stores a password that a signed-in user chose, and replaces all sessions by a new one.
pub fn password_changed(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    password: PasswordHash,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.password_changed", id);
    let now = change.now();
    change.set_credentials(id, credentials.with_password(password, now));
    change.end_sessions(id, None);
    change.credentials.push(CredentialChange::RemoveLinks { user: Some(id) });
    let session = change.begin_session(context, id, SessionLevel::Full, sign_in.lifetimes, sign_in.browser);
    (change, session)
}

/// Records that a signed-in user proved again who they are.
pub fn reauthenticated(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    session: &Session,
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.reauthenticated", user.meta.id);
    let at = change.now();
    change.credentials.push(CredentialChange::Reauthenticate { user: user.meta.id, session: session.id, at });
    change
}

/// Ends the session of a user who signs out.
pub fn signed_out(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    session: &Session,
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.signed_out", user.meta.id);
    change.credentials.push(CredentialChange::RemoveSession { user: user.meta.id, session: session.id });
    change
}

/// The password, and possibly the second factor, that the user of a link has chosen.
#[derive(Clone, Debug)]
pub struct ChosenCredentials {
    /// The hash of the password.
    pub password: PasswordHash,
    /// The second factor, if one was enrolled in the same step.
    pub second_factor: Option<NewSecondFactor>,
}

/// Uses a link of a user: they become active with the chosen credentials, all sessions end, and a new one begins.
/// `credentials` are the present ones, whose second factor stays.
pub fn link_used(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    link: &OneTimeLink,
    user: &StoredUser,
    credentials: Option<&Credentials>,
    chosen: ChosenCredentials,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let action = match link.purpose {
        LinkPurpose::PasswordReset => "user.password_reset",
        LinkPurpose::Invitation | LinkPurpose::FirstAdministrator => "user.activated",
    };
    let mut change = PersonChange::of_user(context, timestamp.after([user]), action, user.meta.id);
    change.set_user(user, user.record.with_status(UserStatus::Active));
    let session = use_link(context, &mut change, link, (user, credentials), chosen, sign_in);
    (change, session)
}

/// Uses the link for the first administrator, who is created with the chosen credentials. A session begins.
pub fn first_administrator_created(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    link: &OneTimeLink,
    (id, user): (UserId, User),
    chosen: ChosenCredentials,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, StoredUser, NewSession) {
    let mut change = PersonChange::of_user(context, timestamp, "user.created", id);
    let user = Stored::new(context.organization.id, id, change.changeset.at(), user.with_status(UserStatus::Active));
    change.changeset.set_changes(Change::between(None, &user.record));
    change.changeset.create(&user);
    let session = use_link(context, &mut change, link, (&user, None), chosen, sign_in);
    (change, user, session)
}

fn use_link(
    context: &WriteContext<'_>,
    change: &mut PersonChange,
    link: &OneTimeLink,
    (user, credentials): (&StoredUser, Option<&Credentials>),
    chosen: ChosenCredentials,
    sign_in: &SignInContext<'_>,
) -> NewSession {
    let (id, now) = (user.meta.id, change.now());
    let ChosenCredentials { password, second_factor } = chosen;
    let has_second_factor = credentials.is_some_and(Credentials::has_second_factor);
    let mut stored = match credentials {
        Some(credentials) => credentials.with_password(password, now),
        None => Credentials::new(password, now),
    };
    // A link never replaces a second factor: whoever reads someone's mail would sign in with it alone.
    let level = match second_factor.filter(|_| !has_second_factor) {
        Some(NewSecondFactor { factor, recovery_codes }) => {
            stored = Credentials { second_factor: Some(factor), recovery_codes, ..stored };
            let (action, subject) = (Action::new("user.second_factor_enrolled"), Subject::from_id(id));
            change.changeset.add_entry(context.entropy, action, Some(subject), Vec::new());
            SessionLevel::Full
        }
        None => level_of(&user.record, has_second_factor),
    };
    change.credentials.push(CredentialChange::UseLink(link.token));
    change.credentials.push(CredentialChange::RemoveLinks { user: link.user });
    change.set_credentials(id, stored);
    change.end_sessions(id, None);
    if level == SessionLevel::Full {
        change.add_signed_in(context, id);
    }
    change.begin_session(context, id, level, sign_in.lifetimes, sign_in.browser)
}
