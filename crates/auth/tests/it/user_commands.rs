//! Decisions about users, and the steps of a sign-in.

use std::time::Duration;

use auth::{
    Browser, ChosenCredentials, CredentialChange, Credentials, LinkPurpose, NewSecondFactor, PasswordHash,
    PersonChange, Role, SecondFactor, Session, SessionLevel, SessionLifetimes, SignInContext, StoredUser, TokenHash,
    User, UserError, UserStatus, create_user, disable_user, enable_user, invite_again, issue_reset, link_used,
    parse_user_email, password_accepted, second_factor_accepted, set_role,
};
use kernel::{Stored, Title};
use write_harness::{NOW, WriteHarness, audit_actions};

const LIFETIME: Duration = Duration::from_secs(60);

fn stored(harness: &WriteHarness, role: Role, status: UserStatus) -> StoredUser {
    let user = User::invited(Title::parse("Morgan").unwrap(), parse_user_email("m@b.example").unwrap(), role);
    let id = kernel::Id::new(kernel::Entropy::ulid(&harness.entropy, NOW));
    Stored::new(harness.organization.id, id, NOW, user.with_status(status))
}

fn credentials(has_second_factor: bool) -> Credentials {
    let credentials = Credentials::new(PasswordHash::new("$old"), NOW);
    let factor = SecondFactor { ciphertext: vec![1], enrolled_at: NOW, last_step: 1 };
    if has_second_factor { credentials.with_second_factor(factor, vec![TokenHash([1; 32])]) } else { credentials }
}

fn sign_in(browser: &Browser) -> SignInContext<'_> {
    SignInContext { lifetimes: SessionLifetimes::default(), browser, sessions: Vec::new() }
}

fn begun(change: &PersonChange) -> &Session {
    let sessions = change.credentials.iter().filter_map(|change| match change {
        CredentialChange::AddSession(session) => Some(session),
        _ => None,
    });
    sessions.into_iter().next_back().expect("a session has begun")
}

#[test]
fn a_new_user_is_invited_by_a_link_whose_hash_is_stored() {
    let harness = WriteHarness::default();
    let record = stored(&harness, Role::Lead, UserStatus::Invited).record;
    let (change, user, issued) = create_user(&harness.context(), harness.write_timestamp(), record, LIFETIME);
    assert_eq!(audit_actions(&change.changeset), ["user.created", "user.invited"]);
    assert_eq!(change.changeset.writes().len(), 1);
    assert_eq!((issued.link.user, issued.link.purpose), (Some(user.meta.id), LinkPurpose::Invitation));
    assert_eq!((issued.link.token, issued.link.expires_at), (issued.token.hash(), NOW + LIFETIME));
    let replaced = CredentialChange::RemoveLinks { user: Some(user.meta.id) };
    assert_eq!(change.credentials, [replaced, CredentialChange::AddLink(issued.link)]);
}

#[test]
fn only_invited_users_are_invited_again_and_only_active_ones_reset() {
    let harness = WriteHarness::default();
    for status in UserStatus::ALL {
        let user = stored(&harness, Role::Lead, *status);
        let invited = invite_again(&harness.context(), harness.write_timestamp(), &user, LIFETIME);
        let reset = issue_reset(&harness.context(), harness.write_timestamp(), &user, None, LIFETIME);
        let expected = (*status != UserStatus::Invited).then_some(UserError::NotInvited(*status));
        assert_eq!(invited.map(drop).err(), expected);
        let expected = (*status != UserStatus::Active).then_some(UserError::NotActive(*status));
        assert_eq!(reset.map(drop).err(), expected);
    }
}

#[test]
fn disabling_a_user_ends_their_sessions_and_links() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Lead, UserStatus::Active);
    let (change, after) = disable_user(&harness.context(), harness.write_timestamp(), &user);
    assert_eq!((after.record.status, after.meta.revision.0), (UserStatus::Disabled, 2));
    let ended = CredentialChange::RemoveSessions { user: user.meta.id, except: None };
    assert_eq!(change.credentials, [ended, CredentialChange::RemoveLinks { user: Some(user.meta.id) }]);
    for (has_password, status) in [(true, UserStatus::Active), (false, UserStatus::Invited)] {
        let (_, enabled) = enable_user(&harness.context(), harness.write_timestamp(), &after, has_password);
        assert_eq!(enabled.record.status, status);
    }
}

#[test]
fn another_role_ends_the_sessions_and_the_same_one_does_not() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Lead, UserStatus::Active);
    let (change, _) = set_role(&harness.context(), harness.write_timestamp(), &user, Role::Admin);
    assert_eq!(change.credentials, [CredentialChange::RemoveSessions { user: user.meta.id, except: None }]);
    let (change, after) = set_role(&harness.context(), harness.write_timestamp(), &user, Role::Lead);
    assert_eq!((change.credentials.len(), after), (0, user));
}

#[test]
fn a_password_completes_a_sign_in_only_without_a_second_factor_and_if_none_is_required() {
    let harness = WriteHarness::default();
    for (role, has_second_factor, level, action) in [
        (Role::Lead, false, SessionLevel::Full, "user.signed_in"),
        (Role::Lead, true, SessionLevel::SecondFactorPending, "user.password_accepted"),
        (Role::Admin, false, SessionLevel::EnrollmentPending, "user.password_accepted"),
        (Role::Admin, true, SessionLevel::SecondFactorPending, "user.password_accepted"),
    ] {
        let user = stored(&harness, role, UserStatus::Active);
        let browser = Browser { user_agent: Some("é".repeat(1000)), source_address: Some("192.0.2.1".to_owned()) };
        let (change, session) = password_accepted(
            &harness.context(),
            harness.write_timestamp(),
            &user,
            &credentials(has_second_factor),
            None,
            sign_in(&browser),
        );
        assert_eq!(audit_actions(&change.changeset), [action], "{role:?}");
        assert_eq!(begun(&change), &session.session);
        let lifetime = session.session.expires_at.since(NOW);
        let expected =
            if level == SessionLevel::Full { SessionLifetimes::default().absolute } else { Session::PENDING_LIFETIME };
        assert_eq!((session.session.level, lifetime), (level, expected));
        assert_eq!(session.session.user_agent.map(|agent| agent.chars().count()), Some(Session::MAX_USER_AGENT));
    }
}

#[test]
fn one_more_session_than_allowed_ends_an_incomplete_one_first_and_then_the_oldest() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Lead, UserStatus::Active);
    let browser = Browser::default();
    let begin = |sessions: Vec<Session>| {
        let sign_in = SignInContext { sessions, ..sign_in(&browser) };
        let timestamp = harness.write_timestamp();
        password_accepted(&harness.context(), timestamp, &user, &credentials(false), None, sign_in)
    };
    let mut sessions = Vec::new();
    for number in 0..Session::MAX_PER_USER {
        let (change, _) = begin(sessions.clone());
        assert_eq!(change.credentials.len(), 1, "{number}");
        let last_used_at = NOW + Duration::from_secs(number as u64);
        sessions.push(Session { last_used_at, ..begun(&change).clone() });
    }
    let oldest = CredentialChange::RemoveSession { user: user.meta.id, session: sessions[0].id };
    assert_eq!(begin(sessions.clone()).0.credentials[0], oldest);
    sessions[5].level = SessionLevel::SecondFactorPending;
    let incomplete = CredentialChange::RemoveSession { user: user.meta.id, session: sessions[5].id };
    assert_eq!(begin(sessions).0.credentials[0], incomplete);
}

#[test]
fn the_session_after_the_second_factor_replaces_the_one_before() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Admin, UserStatus::Active);
    let browser = Browser::default();
    let before = credentials(true);
    let timestamp = harness.write_timestamp();
    let (_, pending) = password_accepted(&harness.context(), timestamp, &user, &before, None, sign_in(&browser));
    let after = before.with_accepted_step(2).unwrap();
    let (change, full) = second_factor_accepted(
        &harness.context(),
        harness.write_timestamp(),
        &user,
        &pending.session,
        after.clone(),
        true,
        &sign_in(&browser),
    );
    assert_eq!(audit_actions(&change.changeset), ["user.signed_in", "user.recovery_code_used"]);
    let expected = [
        CredentialChange::SetCredentials { user: user.meta.id, credentials: after },
        CredentialChange::RemoveSession { user: user.meta.id, session: pending.session.id },
        CredentialChange::AddSession(full.session.clone()),
    ];
    assert_eq!(change.credentials, expected);
    assert_ne!(full.session.id, pending.session.id);
    assert_eq!(full.session.level, SessionLevel::Full);
}

#[test]
fn a_reset_keeps_the_second_factor_whatever_its_form_contains() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Lead, UserStatus::Active);
    let timestamp = harness.write_timestamp();
    let (_, issued) = issue_reset(&harness.context(), timestamp, &user, None, LIFETIME).unwrap();
    let other = SecondFactor { ciphertext: vec![9], enrolled_at: NOW, last_step: 9 };
    let chosen = ChosenCredentials {
        password: PasswordHash::new("$new"),
        second_factor: Some(NewSecondFactor { factor: other, recovery_codes: Vec::new() }),
    };
    let (before, browser) = (credentials(true), Browser::default());
    let (change, session) = link_used(
        &harness.context(),
        harness.write_timestamp(),
        &issued.link,
        &user,
        Some(&before),
        chosen,
        &sign_in(&browser),
    );
    assert_eq!(session.session.level, SessionLevel::SecondFactorPending);
    let stored = change.credentials.iter().find_map(|change| match change {
        CredentialChange::SetCredentials { credentials, .. } => Some(credentials.clone()),
        _ => None,
    });
    assert_eq!(stored, Some(before.with_password(PasswordHash::new("$new"), NOW)));
    assert!(change.credentials.contains(&CredentialChange::UseLink(issued.link.token)));
    assert!(change.credentials.contains(&CredentialChange::RemoveSessions { user: user.meta.id, except: None }));
}

#[test]
fn a_lost_second_factor_is_removed_with_the_sessions() {
    let harness = WriteHarness::default();
    let user = stored(&harness, Role::Lead, UserStatus::Active);
    let timestamp = harness.write_timestamp();
    let (change, _) = issue_reset(&harness.context(), timestamp, &user, Some(&credentials(true)), LIFETIME).unwrap();
    assert_eq!(audit_actions(&change.changeset), ["user.reset_link_issued", "user.second_factor_removed"]);
    assert!(change.credentials.iter().any(|change| matches!(
        change,
        CredentialChange::SetCredentials { credentials, .. } if credentials.second_factor.is_none()
    )));
    assert!(change.credentials.contains(&CredentialChange::RemoveSessions { user: user.meta.id, except: None }));
}
