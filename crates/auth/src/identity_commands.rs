//! Changes of users who sign in by an identity at a provider.

use kernel::{Action, Change, FieldValue, Id, Stored, Subject, Title, WriteContext, WriteTimestamp};

use crate::{
    external_identity::ExternalIdentity,
    openid::{OpenIdAccount, ProviderPerson},
    people_ports::CredentialChange,
    person_change::{NewSession, PersonChange, SignInContext, make_room},
    role::Role,
    session::{Session, SessionLevel},
    user::{StoredUser, User, UserId, UserStatus},
};

/// Signs in a person whom the provider vouches for. The account is made or activated if need be, and has the role from
/// then on. The session is complete: the second factor is the provider's matter.
pub fn signed_in_by_provider(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    account: &OpenIdAccount,
    person: &ProviderPerson,
    role: Role,
    sign_in: SignInContext<'_>,
) -> (PersonChange, StoredUser, NewSession) {
    let SignInContext { lifetimes, browser, sessions } = sign_in;
    let (mut change, user) = match account {
        OpenIdAccount::Linked(user) => sign_in_linked(context, timestamp, user, person, role),
        OpenIdAccount::Invited(user) => activate(context, timestamp, user, person, role),
        OpenIdAccount::New(email) => {
            let name = person.name.as_deref().map(str::trim).and_then(|name| Title::parse(name).ok());
            let name = name.or_else(|| Title::parse(email.as_str()).ok());
            let name = name.expect("an email address is a title");
            create(context, timestamp, User::invited(name, email.clone(), role), person)
        }
    };
    if account.role().is_some_and(|present| present != role) {
        // As after any change of the role.
        change.end_sessions(user.meta.id, None);
    } else {
        change.credentials.extend(make_room(sessions));
    }
    let mut session = change.begin_session(context, user.meta.id, SessionLevel::Full, lifetimes, browser);
    // The provider may have let in a browser in which the person proved themselves long ago.
    let proven_at = person.authenticated_at.unwrap_or(change.now() - Session::RECENT).min(change.now());
    change.date_proof(&mut session, proven_at);
    (change, user, session)
}

fn sign_in_linked(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    person: &ProviderPerson,
    role: Role,
) -> (PersonChange, StoredUser) {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.signed_in", id);
    let record = User { role, status: UserStatus::Active, ..user.record.clone() };
    let after = if record == user.record {
        change.changeset.require_unchanged(user);
        user.clone()
    } else {
        let after = user.changed(change.changeset.at(), record);
        change.changeset.update(user, &after);
        let changes = Change::between(Some(&user.record), &after.record);
        let action = if role == user.record.role { "user.activated" } else { "user.role_set" };
        change.changeset.add_entry(context.entropy, Action::new(action), Some(Subject::from_id(id)), changes);
        change.credentials.push(CredentialChange::RemoveLinks { user: Some(id) });
        after
    };
    let used = CredentialChange::UseIdentity {
        user: id,
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        at: change.now(),
    };
    change.credentials.push(used);
    (change, after)
}

fn activate(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    person: &ProviderPerson,
    role: Role,
) -> (PersonChange, StoredUser) {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp.after([user]), "user.activated", id);
    let after = change.set_user(user, User { role, status: UserStatus::Active, ..user.record.clone() });
    change.credentials.push(CredentialChange::RemoveLinks { user: Some(id) });
    add_identity(context, &mut change, id, (&person.issuer, &person.subject));
    change.add_signed_in(context, id);
    (change, after)
}

fn create(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    record: User,
    person: &ProviderPerson,
) -> (PersonChange, StoredUser) {
    let id = Id::new(context.entropy.ulid(timestamp.at()));
    let mut change = PersonChange::of_user(context, timestamp, "user.created", id);
    let record = record.with_status(UserStatus::Active);
    let user = Stored::new(context.organization.id, id, change.changeset.at(), record);
    change.changeset.set_changes(Change::between(None, &user.record));
    change.changeset.create(&user);
    add_identity(context, &mut change, id, (&person.issuer, &person.subject));
    change.add_signed_in(context, id);
    (change, user)
}

fn add_identity(context: &WriteContext<'_>, change: &mut PersonChange, user: UserId, (issuer, subject): (&str, &str)) {
    let action = Action::new("user.identity_linked");
    let changes = vec![identity_field(FieldValue::Null, identity_text(issuer, subject))];
    change.changeset.add_entry(context.entropy, action, Some(Subject::from_id(user)), changes);
    push_identity(context, change, user, (issuer, subject));
}

fn push_identity(context: &WriteContext<'_>, change: &mut PersonChange, user: UserId, (issuer, subject): (&str, &str)) {
    let at = change.now();
    change.credentials.push(CredentialChange::AddIdentity(ExternalIdentity {
        organization: context.organization.id,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        user,
        linked_at: at,
        last_used_at: at,
    }));
}

fn identity_text(issuer: &str, subject: &str) -> FieldValue {
    FieldValue::Text(format!("{issuer} {subject}"))
}

fn identity_field(before: FieldValue, after: FieldValue) -> Change {
    Change { field: "identity".into(), before, after }
}

/// Links an identity with a user by hand. The condition: it is linked with nobody.
pub fn link_identity(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    (issuer, subject): (&str, &str),
) -> PersonChange {
    let mut change = PersonChange::of_user(context, timestamp, "user.identity_linked", user.meta.id);
    change.changeset.require_unchanged(user);
    change.changeset.set_changes(vec![identity_field(FieldValue::Null, identity_text(issuer, subject))]);
    push_identity(context, &mut change, user.meta.id, (issuer, subject));
    change
}

/// Unlinks all identities of a user. Their sessions end.
pub fn unlink_identities(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    user: &StoredUser,
    identities: &[ExternalIdentity],
) -> PersonChange {
    let id = user.meta.id;
    let mut change = PersonChange::of_user(context, timestamp, "user.identities_unlinked", id);
    let text = |identity: &ExternalIdentity| identity_text(&identity.issuer, &identity.subject);
    change.changeset.set_changes(identities.iter().map(|one| identity_field(text(one), FieldValue::Null)).collect());
    change.credentials.push(CredentialChange::RemoveIdentities { user: id });
    change.end_sessions(id, None);
    change
}
