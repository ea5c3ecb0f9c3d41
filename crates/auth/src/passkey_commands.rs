//! The commands of users about their passkeys. Each step has been authorized before: the answer of the passkey was right.

use kernel::{Change, FieldValue, WriteContext, WriteTimestamp};

use crate::{
    opaque_token::TokenHash,
    passkey::{Passkey, PasskeyName},
    people_ports::CredentialChange,
    person_change::{NewSession, PersonChange, SignInContext, make_room},
    person_credentials::Credentials,
    session::{Session, SessionLevel},
    user::StoredUser,
};

/// A passkey to store.
#[derive(Clone, Debug)]
pub struct NewPasskey {
    /// The passkey.
    pub passkey: Passkey,
    /// The hashes of new recovery codes, if it is the first second factor.
    pub recovery_codes: Option<Vec<TokenHash>>,
}

/// Stores a passkey and replaces the session in which it was registered by a complete one with another token. If it is the
/// first second factor, the user's other sessions end, which were begun without one.
pub fn passkey_added(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: &Credentials,
    new: NewPasskey,
    current: &Session,
    sign_in: &SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let mut change = PersonChange::of_user(context, timestamp, "user.passkey_added", user.meta.id);
    change.changeset.set_changes(named(None, Some(&new.passkey.name)));
    let is_first_factor = !credentials.has_second_factor();
    let credentials = credentials.with_passkey(new.passkey, new.recovery_codes);
    let session = change.enroll(context, credentials, current, is_first_factor, sign_in);
    (change, session)
}

/// Gives a passkey another name. `credentials` are those after the change.
pub fn passkey_renamed(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: Credentials,
    (before, after): (&PasskeyName, &PasskeyName),
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.passkey_renamed", user.meta.id);
    change.changeset.set_changes(named(Some(before), Some(after)));
    change.set_credentials(user.meta.id, credentials);
    change
}

/// Removes a passkey. `credentials` are those after the change. The user's other sessions end: the passkey may be lost with
/// a device on which one of them was begun.
pub fn passkey_removed(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    credentials: Credentials,
    name: &PasskeyName,
    current: &Session,
) -> PersonChange {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.passkey_removed", id);
    change.changeset.set_changes(named(Some(name), None));
    change.set_credentials(id, credentials);
    change.end_sessions(id, Some(current.id));
    change
}

/// Begins a complete session after a passkey answered: in place of the one that waited for a second factor, or without one
/// if the passkey verified its owner. `credentials` are those after the use.
pub fn passkey_accepted(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    pending: Option<&Session>,
    (credentials, name): (Credentials, &PasskeyName),
    sign_in: SignInContext<'_>,
) -> (PersonChange, NewSession) {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.signed_in", id);
    change.changeset.set_changes(named(None, Some(name)));
    change.set_credentials(id, credentials);
    let SignInContext { lifetimes, browser, sessions } = sign_in;
    match pending {
        Some(pending) => {
            change.credentials.push(CredentialChange::RemoveSession { user: id, session: pending.id });
        }
        None => change.credentials.extend(make_room(sessions)),
    }
    let session = change.begin_session(context, id, SessionLevel::Full, lifetimes, browser);
    (change, session)
}

/// The change of an entry about a passkey, which its name tells apart.
fn named(before: Option<&PasskeyName>, after: Option<&PasskeyName>) -> Vec<Change> {
    vec![Change { field: "passkey".into(), before: FieldValue::from(before), after: FieldValue::from(after) }]
}
