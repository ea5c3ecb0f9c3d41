//! Users, and their credentials, sessions and one-time links.

use std::{sync::Arc, time::Duration};

use auth::{
    CredentialChange, Credentials, LinkPurpose, MAX_STORED_FOR, OneTimeLink, Passkey, PasskeyName, PasswordHash, Role,
    SecondFactor, Session, SessionId, SessionLevel, SignInSummary, StoredUser, TokenHash, User, UserId, UserStatus,
    user_revision,
};
use findings::Finding;
use kernel::{Action, CommitError, Conflict, Kind, OrganizationId, RecordKey, Revision, Subject, Timestamp};

use crate::{Fixture, samples};

pub(super) fn user(email: &str) -> User {
    User::invited(samples::title("Morgan Halloran"), auth::parse_user_email(email).unwrap(), Role::Lead)
}

fn hash(number: u8) -> TokenHash {
    TokenHash([number; 32])
}

fn session(fixture: &Fixture, user: &StoredUser, number: u8) -> Session {
    let now = fixture.now();
    Session {
        id: fixture.new_id(),
        organization: user.meta.organization,
        user: user.meta.id,
        token: hash(number),
        level: SessionLevel::Full,
        created_at: now,
        authenticated_at: now,
        last_used_at: now,
        expires_at: now + Duration::from_secs(3600),
        source_address: None,
        user_agent: None,
    }
}

fn link(fixture: &Fixture, user: Option<UserId>, number: u8) -> OneTimeLink {
    OneTimeLink {
        organization: fixture.home,
        token: hash(number),
        purpose: LinkPurpose::Invitation,
        user,
        created_at: fixture.now(),
        expires_at: fixture.now() + Duration::from_secs(3600),
    }
}

pub(super) fn passkey(fixture: &Fixture, number: u8) -> Passkey {
    Passkey {
        id: fixture.new_id(),
        credential_id: vec![number; 1023],
        public_key: vec![0, number, 255],
        sign_count: u32::MAX,
        is_backup_eligible: number == 1,
        name: PasskeyName::parse("Morgan’s \"blue\" key").unwrap(),
        created_at: fixture.now(),
        last_used_at: (number == 2).then(|| fixture.now()),
        last_challenge_at: fixture.now(),
    }
}

pub(super) async fn change(fixture: &Fixture, organization: OrganizationId, changes: &[CredentialChange]) -> bool {
    fixture.store.commit_with_credentials(fixture.changeset(organization), changes).await.unwrap()
}

pub(super) async fn credentials(fixture: &Fixture, user: &StoredUser) -> Option<Credentials> {
    fixture.store.credentials(user.meta.organization, user.meta.id).await.unwrap()
}

async fn session_ids(fixture: &Fixture, user: &StoredUser) -> Vec<SessionId> {
    let sessions = fixture.store.sessions(user.meta.organization, user.meta.id).await.unwrap();
    sessions.iter().map(|session| session.id).collect()
}

/// A user is found by their email address, which is unique in the organization and may occur in others.
pub async fn an_email_address_is_unique_in_its_organization(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let full = User {
        status: UserStatus::Disabled,
        timezone: Some(RecordKey::parse("America/Denver").unwrap()),
        ..user("m@brackwater.example")
    };
    let first = fixture.create(fixture.home, full).await;
    let other = fixture.create(away, user("m@brackwater.example")).await;
    for stored in [&first, &other] {
        assert_eq!(fixture.get(stored.meta.organization, stored.meta.id).await.as_ref(), Some(stored));
    }
    let refused = fixture.commit(fixture.create_changeset(fixture.home, user("m@brackwater.example")).0).await;
    let taken = Conflict::UniqueKey(Kind::User, "m@brackwater.example".to_owned());
    assert!(matches!(&refused, Err(CommitError::Conflict(conflict)) if *conflict == taken), "{refused:?}");
}

/// After any change of a user, a write that was authorized before it is refused. An account has no say in it.
pub async fn a_write_of_a_user_who_has_since_changed_is_refused(fixture: Fixture) {
    let before = fixture.create(fixture.home, user("m@brackwater.example")).await;
    let write = async |actor| {
        let timestamp = fixture.store.begin_write();
        let mut changeset = samples::changeset_for_account(&*fixture.entropy, timestamp, fixture.home, actor);
        let key = format!("f-{}", fixture.new_id::<Finding>());
        changeset.create(&fixture.new_record(&changeset, samples::finding(&key)));
        fixture.commit(changeset).await
    };
    write(user_revision(&before)).await.unwrap();
    let disabled = fixture.update(&before, before.record.with_status(UserStatus::Disabled)).await;
    let as_account = kernel::ActorRevision { kind: Kind::ServiceAccount, ..user_revision(&disabled) };
    let as_finding = kernel::ActorRevision { kind: Kind::Finding, ..user_revision(&disabled) };
    for stale in [user_revision(&before), as_account, as_finding] {
        let refused = write(stale).await;
        assert!(matches!(refused, Err(CommitError::ActorChanged)), "{refused:?}");
    }
    write(user_revision(&disabled)).await.unwrap();
}

/// Credentials read back as they were stored, and only those of the user.
pub async fn credentials_read_back_as_they_were_stored(fixture: Fixture) {
    let [one, other] = [fixture.create(fixture.home, user("a@b.example")).await, {
        let away = fixture.create_organization("away").await;
        fixture.create(away, user("a@b.example")).await
    }];
    let first = Credentials::new(PasswordHash::new("$argon2id$one"), fixture.now());
    let set = |user: &StoredUser, credentials: &Credentials| CredentialChange::SetCredentials {
        user: user.meta.id,
        credentials: credentials.clone(),
    };
    assert_eq!(credentials(&fixture, &one).await, None);
    assert!(change(&fixture, fixture.home, &[set(&one, &first)]).await);
    assert_eq!((credentials(&fixture, &one).await, credentials(&fixture, &other).await), (Some(first.clone()), None));
    let factor = SecondFactor { ciphertext: vec![0, 7, 255], enrolled_at: fixture.now(), last_step: 59_323_937 };
    let second = first.with_second_factor(factor, vec![hash(1), hash(2)]);
    assert!(change(&fixture, fixture.home, &[set(&one, &second)]).await);
    assert_eq!(credentials(&fixture, &one).await, Some(second.clone()));
    let third = second.with_used_recovery_code(hash(1)).unwrap().without_authenticator_app();
    let third = Credentials { version: 3, ..third };
    assert!(change(&fixture, fixture.home, &[set(&one, &third)]).await);
    assert_eq!(credentials(&fixture, &one).await, Some(third.clone()));
    let fourth = third.with_passkey(passkey(&fixture, 1), None).with_passkey(passkey(&fixture, 2), Some(vec![hash(3)]));
    let fourth = Credentials { version: 4, ..fourth };
    assert!(change(&fixture, fixture.home, &[set(&one, &fourth)]).await);
    assert_eq!(credentials(&fixture, &one).await, Some(fourth));
    assert_eq!(fixture.store.credentials(other.meta.organization, one.meta.id).await.unwrap(), None);
}

/// Of sixteen concurrent uses of one code, one is stored with its audit entry: no code is accepted twice, whichever servers
/// it is sent to.
pub async fn one_of_sixteen_concurrent_changes_of_credentials_wins(fixture: Fixture) {
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let factor = SecondFactor { ciphertext: vec![1], enrolled_at: fixture.now(), last_step: 10 };
    let first = Credentials::new(PasswordHash::new("$argon2id$one"), fixture.now());
    let first = Credentials { version: 1, ..first.with_second_factor(factor, Vec::new()) };
    for expected in [first.clone(), first.with_accepted_step(11).unwrap()] {
        let entries = fixture.audit_log(fixture.home).await.len();
        let racing: Vec<_> = (0..16)
            .map(|_| {
                let (store, changeset) = (Arc::clone(&fixture.store), fixture.changeset(fixture.home));
                let change = CredentialChange::SetCredentials { user: user.meta.id, credentials: expected.clone() };
                tokio::spawn(async move { store.commit_with_credentials(changeset, &[change]).await.unwrap() })
            })
            .collect();
        let mut stored = 0;
        for outcome in racing {
            stored += usize::from(outcome.await.unwrap());
        }
        assert_eq!(stored, 1, "version {}", expected.version);
        assert_eq!(fixture.audit_log(fixture.home).await.len(), entries + 1);
        assert_eq!(credentials(&fixture, &user).await, Some(expected));
    }
    assert_eq!(first.with_accepted_step(10), None);
}

/// A change whose condition does not hold leaves nothing of its commit behind, and a commit that fails nothing of its
/// changes.
pub async fn a_commit_with_credentials_is_stored_as_a_whole_or_not_at_all(fixture: Fixture) {
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let entries = fixture.audit_log(fixture.home).await.len();
    let begun = session(&fixture, &user, 1);
    let add = CredentialChange::AddSession(begun.clone());
    let missing = fixture.new_id();
    let unmet = [
        CredentialChange::UseLink(hash(9)),
        CredentialChange::RemoveSession { user: user.meta.id, session: missing },
        CredentialChange::RemoveSession { user: fixture.new_id(), session: begun.id },
        CredentialChange::Reauthenticate { user: user.meta.id, session: missing, at: fixture.now() },
        CredentialChange::SetCredentials {
            user: user.meta.id,
            credentials: Credentials::new(PasswordHash::new("x"), fixture.now()).next(),
        },
    ];
    for unmet in unmet {
        let (mut changeset, disabled) = fixture.update_changeset(&user, user.record.with_status(UserStatus::Disabled));
        changeset.publish(samples::outbox_event(&*fixture.entropy, &disabled));
        let stored = fixture.store.commit_with_credentials(changeset, &[add.clone(), unmet.clone()]).await.unwrap();
        assert!(!stored, "{unmet:?}");
    }
    let (stale, _) = fixture.update_changeset(&user.changed(fixture.now(), user.record.clone()), user.record.clone());
    let refused = fixture.store.commit_with_credentials(stale, &[add]).await;
    assert!(matches!(refused, Err(CommitError::Conflict(Conflict::Revision(Kind::User, _)))), "{refused:?}");
    assert_eq!(session_ids(&fixture, &user).await, []);
    assert_eq!((fixture.audit_log(fixture.home).await.len(), fixture.pending_events().await), (entries, 0));
    assert_eq!(fixture.get(fixture.home, user.meta.id).await.map(|user| user.meta.revision), Some(Revision::FIRST));
}

/// A session is found by its token in its own organization, with the user as they are now.
pub async fn a_session_is_found_by_its_token_with_the_current_user(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let begun = Session {
        level: SessionLevel::SecondFactorPending,
        source_address: Some("2001:db8::7".to_owned()),
        user_agent: Some("Firefox “150”".to_owned()),
        ..session(&fixture, &user, 1)
    };
    let find = async |organization, token| fixture.store.session(organization, token).await.unwrap();
    assert!(change(&fixture, fixture.home, &[CredentialChange::AddSession(begun.clone())]).await);
    assert_eq!(find(fixture.home, hash(1)).await, Some((begun.clone(), user.clone())));
    assert_eq!((find(away, hash(1)).await, find(fixture.home, hash(2)).await), (None, None));
    let disabled = fixture.update(&user, user.record.with_status(UserStatus::Disabled)).await;
    assert_eq!(find(fixture.home, hash(1)).await, Some((begun, disabled)));
}

/// The last use of a session only advances, and a new proof of who the user is is stored.
pub async fn the_times_of_a_session_are_stored(fixture: Fixture) {
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let begun = session(&fixture, &user, 1);
    assert!(change(&fixture, fixture.home, &[CredentialChange::AddSession(begun.clone())]).await);
    let (earlier, later) = (fixture.clock.tick(), fixture.clock.tick());
    for at in [later, earlier] {
        fixture.store.record_session_use(fixture.home, begun.id, at).await.unwrap();
    }
    fixture.store.record_session_use(fixture.home, fixture.new_id(), later).await.unwrap();
    let proven = CredentialChange::Reauthenticate { user: user.meta.id, session: begun.id, at: later };
    assert!(change(&fixture, fixture.home, &[proven]).await);
    let expected = Session { last_used_at: later, authenticated_at: later, ..begun };
    assert_eq!(fixture.store.sessions(fixture.home, user.meta.id).await.unwrap(), [expected]);
}

/// The summaries of several users say of each whether there is a second factor, and when they last signed in: by a session
/// that is not over, or else by the audit log.
pub async fn sign_ins_of_several_users_are_summarized(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let foreign = fixture.create(away, user("a@b.example")).await;
    let mut users = Vec::new();
    for email in ["a@b.example", "c@d.example", "e@f.example"] {
        users.push(fixture.create(fixture.home, user(email)).await);
    }
    let [signed_in, gone, never] = &users[..] else { panic!("three users") };
    let factor = SecondFactor { ciphertext: vec![7], enrolled_at: fixture.now(), last_step: 1 };
    let credentials = Credentials::new(PasswordHash::new("$argon2id$one"), fixture.now());
    let credentials = Credentials {
        version: 1,
        passkeys: vec![passkey(&fixture, 1)],
        ..credentials.with_second_factor(factor.clone(), Vec::new())
    };
    let set = CredentialChange::SetCredentials { user: signed_in.meta.id, credentials };
    let begun = session(&fixture, signed_in, 1);
    fixture.clock.tick();
    let pending = Session { level: SessionLevel::SecondFactorPending, ..session(&fixture, signed_in, 2) };
    let add = |session: &Session| CredentialChange::AddSession(session.clone());
    assert!(change(&fixture, fixture.home, &[set, add(&begun), add(&pending)]).await);
    let mut recorded = Vec::new();
    for action in ["user.signed_in", "user.signed_in", "user.signed_out"] {
        let mut entry = samples::entry(&*fixture.entropy, fixture.home, fixture.clock.tick());
        entry.action = Action::new(action);
        entry.subject = Some(Subject::from_id(gone.meta.id));
        recorded.push(entry.occurred_at);
        fixture.append(entry).await.unwrap();
    }
    let ids: Vec<UserId> = users.iter().map(|user| user.meta.id).chain([foreign.meta.id]).collect();
    let mut found = fixture.store.sign_in_summaries(fixture.home, &ids).await.unwrap();
    found.sort_by_key(|summary| ids.iter().position(|id| *id == summary.user));
    let summary = |user: &StoredUser, second_factor_since, last_sign_in| SignInSummary {
        user: user.meta.id,
        second_factor_since,
        passkeys: usize::from(second_factor_since.is_some()),
        last_sign_in,
    };
    let expected = [
        summary(signed_in, Some(factor.enrolled_at), Some(begun.created_at)),
        summary(gone, None, Some(recorded[1])),
        summary(never, None, None),
    ];
    assert_eq!(found, expected);
    assert_eq!(fixture.store.sign_in_summaries(fixture.home, &[]).await.unwrap(), []);
}

/// Sessions are listed by their last use and end one by one, or all but one, without touching those of others.
pub async fn sessions_of_a_user_are_listed_and_ended(fixture: Fixture) {
    let [one, other] = ["a@b.example", "c@d.example"].map(user);
    let (one, other) = (fixture.create(fixture.home, one).await, fixture.create(fixture.home, other).await);
    let mut ids = Vec::new();
    for number in 1..=4 {
        fixture.clock.tick();
        let begun = session(&fixture, &one, number);
        ids.insert(0, begun.id);
        assert!(change(&fixture, fixture.home, &[CredentialChange::AddSession(begun)]).await);
    }
    let foreign = session(&fixture, &other, 5);
    assert!(change(&fixture, fixture.home, &[CredentialChange::AddSession(foreign.clone())]).await);
    assert_eq!(session_ids(&fixture, &one).await, ids);
    let [newest, second, ..] = ids[..] else { panic!("four sessions") };
    let remove = CredentialChange::RemoveSession { user: one.meta.id, session: newest };
    assert!(change(&fixture, fixture.home, std::slice::from_ref(&remove)).await);
    assert!(!change(&fixture, fixture.home, &[remove]).await);
    let others = CredentialChange::RemoveSessions { user: one.meta.id, except: Some(second) };
    assert!(change(&fixture, fixture.home, &[others]).await);
    assert_eq!(session_ids(&fixture, &one).await, [second]);
    let all = CredentialChange::RemoveSessions { user: one.meta.id, except: None };
    assert!(change(&fixture, fixture.home, &[all]).await);
    assert_eq!((session_ids(&fixture, &one).await, session_ids(&fixture, &other).await), (vec![], vec![foreign.id]));
}

/// Of sixteen concurrent uses of one link, one succeeds. A replaced link is gone.
pub async fn a_link_is_used_once(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let (own, first_admin) = (link(&fixture, Some(user.meta.id), 1), link(&fixture, None, 2));
    let replaced = link(&fixture, Some(user.meta.id), 3);
    for link in [&replaced, &own, &first_admin] {
        let changes = [CredentialChange::RemoveLinks { user: link.user }, CredentialChange::AddLink(link.clone())];
        assert!(change(&fixture, fixture.home, &changes).await);
    }
    let find = async |organization, token| fixture.store.one_time_link(organization, token).await.unwrap();
    assert_eq!((find(fixture.home, hash(1)).await, find(fixture.home, hash(2)).await), (Some(own), Some(first_admin)));
    assert_eq!((find(fixture.home, hash(3)).await, find(away, hash(1)).await), (None, None));
    let racing: Vec<_> = (0..16)
        .map(|_| {
            let (store, changeset) = (Arc::clone(&fixture.store), fixture.changeset(fixture.home));
            tokio::spawn(async move {
                store.commit_with_credentials(changeset, &[CredentialChange::UseLink(hash(1))]).await.unwrap()
            })
        })
        .collect();
    let mut used = 0;
    for outcome in racing {
        used += usize::from(outcome.await.unwrap());
    }
    assert_eq!((used, find(fixture.home, hash(1)).await), (1, None));
    assert!(!change(&fixture, away, &[CredentialChange::UseLink(hash(2))]).await);
    assert!(change(&fixture, fixture.home, &[CredentialChange::RemoveLinks { user: None }]).await);
    assert_eq!(find(fixture.home, hash(2)).await, None);
}

/// Sessions and links of any organization are deleted once they have expired, and those that would last longer than any
/// does, up to a limit.
pub async fn expired_sessions_and_links_are_deleted(fixture: Fixture) {
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let now = fixture.now();
    let expiries = |now: Timestamp| [now + Duration::from_secs(1), now + MAX_STORED_FOR, now + MAX_STORED_FOR * 2];
    for (number, expires_at) in (1..).zip(expiries(now)) {
        let session = Session { expires_at, ..session(&fixture, &user, number) };
        let link = OneTimeLink { expires_at, ..link(&fixture, None, number) };
        let changes = [CredentialChange::AddSession(session), CredentialChange::AddLink(link)];
        assert!(change(&fixture, fixture.home, &changes).await);
    }
    let delete = async |at, limit| fixture.store.delete_expired_sessions_and_links(at, limit).await.unwrap();
    assert_eq!(delete(now, 0).await, 0);
    assert_eq!(delete(now, 10).await, 2, "those from the future");
    assert_eq!(delete(now + Duration::from_secs(1), 10).await, 0, "they expire after this moment");
    let later = now + MAX_STORED_FOR + Duration::from_secs(1);
    assert_eq!(delete(later, 1).await, 2, "one of each");
    assert_eq!(fixture.store.one_time_link(fixture.home, hash(1)).await.unwrap(), None);
    assert_eq!((delete(later, 10).await, delete(later, 10).await), (2, 0));
}
