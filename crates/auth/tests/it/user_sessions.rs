//! When sessions, links and credentials are valid.

use std::{sync::Arc, time::Duration};

use auth::{
    Credentials, CredentialsFingerprint, LinkPurpose, OneTimeLink, PasswordHash, Permission, Role, SecondFactor,
    Session, SessionLevel, SessionLifetimes, StoredUser, TokenHash, TrustedDevice, User, UserCaller, UserDenied,
    UserStatus, parse_user_email,
};
use kernel::{Id, Kind, Stored, Timestamp, Title};
use ulid::Ulid;

const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);
const LIFETIMES: SessionLifetimes =
    SessionLifetimes { idle: Duration::from_secs(600), absolute: Duration::from_secs(3600) };

fn user(role: Role, status: UserStatus) -> StoredUser {
    let user = User::invited(Title::parse("Morgan").unwrap(), parse_user_email("m@b.example").unwrap(), role);
    Stored::new(Id::new(Ulid(1)), Id::new(Ulid(2)), NOW, user.with_status(status))
}

fn session() -> Session {
    Session {
        id: Id::new(Ulid(3)),
        organization: Id::new(Ulid(1)),
        user: Id::new(Ulid(2)),
        token: TokenHash([0; 32]),
        level: SessionLevel::Full,
        created_at: NOW,
        authenticated_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + LIFETIMES.absolute,
        source_address: None,
        user_agent: None,
    }
}

fn authorize(session: Session, user: StoredUser, now: Timestamp) -> Result<UserCaller, UserDenied> {
    UserCaller::authorize(Arc::new(session), Arc::new(user), LIFETIMES, now)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_session_ends_when_it_was_idle_and_at_its_end_however_much_it_is_used() {
    let live = |session: &Session, at| session.is_live_at(at, LIFETIMES.idle);
    let begun = session();
    assert!(live(&begun, NOW) && live(&begun, NOW + seconds(599)) && !live(&begun, NOW + seconds(600)));
    let used = Session { last_used_at: NOW + seconds(3590), ..begun };
    assert!(live(&used, NOW + seconds(3599)) && !live(&used, NOW + seconds(3600)));
}

#[test]
fn a_session_from_the_future_is_not_valid_since_it_would_live_too_long() {
    let begun = session();
    assert!(begun.is_live_at(NOW - seconds(60), LIFETIMES.idle));
    assert!(!begun.is_live_at(NOW - seconds(61), LIFETIMES.idle));
    assert!(!begun.is_recent_at(NOW - seconds(61)));
}

#[test]
fn the_last_use_is_written_at_most_once_a_minute() {
    assert!(!session().is_use_due_at(NOW + seconds(59)) && session().is_use_due_at(NOW + seconds(60)));
}

#[test]
fn a_caller_is_an_active_user_with_a_complete_session_of_their_own() {
    let active = || user(Role::Lead, UserStatus::Active);
    let caller = authorize(session(), active(), NOW).unwrap();
    let checked = caller.actor_revision();
    assert_eq!((checked.kind, checked.id, checked.revision), (Kind::User, Ulid(2), active().meta.revision));
    assert_eq!((caller.actor().kind.name(), &*caller.actor().name), ("user", "Morgan"));
    let signed_out = |session, user, now| {
        assert_eq!(authorize(session, user, now).unwrap_err(), UserDenied::SignedOut);
    };
    signed_out(session(), user(Role::Lead, UserStatus::Disabled), NOW);
    signed_out(session(), user(Role::Lead, UserStatus::Invited), NOW);
    signed_out(session(), active(), NOW + seconds(600));
    signed_out(Session { user: Id::new(Ulid(9)), ..session() }, active(), NOW);
    signed_out(Session { organization: Id::new(Ulid(9)), ..session() }, active(), NOW);
    for level in [SessionLevel::SecondFactorPending, SessionLevel::EnrollmentPending] {
        let incomplete = authorize(Session { level, ..session() }, active(), NOW);
        assert_eq!(incomplete.unwrap_err(), UserDenied::Incomplete(level));
    }
}

#[test]
fn a_caller_has_the_permissions_of_their_role_and_only_for_a_while_without_the_password() {
    let caller = authorize(session(), user(Role::Auditor, UserStatus::Active), NOW).unwrap();
    assert_eq!(caller.require(Permission::ReadAuditLog), Ok(()));
    let denied = UserDenied::MissingPermission(Permission::ChangeRecords);
    assert_eq!(caller.require(Permission::ChangeRecords), Err(denied));
    assert_eq!(caller.require_recent(NOW + seconds(899)), Ok(()));
    assert_eq!(caller.require_recent(NOW + seconds(900)), Err(UserDenied::NotRecent));
}

#[test]
fn a_link_works_until_it_expires_and_not_before_it_was_issued() {
    let link = OneTimeLink {
        organization: Id::new(Ulid(1)),
        token: TokenHash([0; 32]),
        purpose: LinkPurpose::PasswordReset,
        user: None,
        created_at: NOW,
        expires_at: NOW + LinkPurpose::PasswordReset.default_lifetime(),
    };
    assert!(link.is_live_at(NOW) && link.is_live_at(NOW + seconds(3599)));
    assert!(!link.is_live_at(NOW + seconds(3600)) && !link.is_live_at(NOW - seconds(61)));
}

#[test]
fn a_device_is_trusted_for_one_user_and_for_a_while() {
    let (organization, user, credentials) = (Id::new(Ulid(1)), Id::new(Ulid(2)), CredentialsFingerprint::of(None));
    let device = TrustedDevice { organization, user, id: Ulid(3), issued_at: NOW, credentials };
    let (own, other) = (Id::new(Ulid(1)), Id::new(Ulid(9)));
    assert!(device.is_of(own, Id::new(Ulid(2)), NOW + TrustedDevice::LIFETIME - seconds(1)));
    assert!(!device.is_of(own, Id::new(Ulid(2)), NOW + TrustedDevice::LIFETIME));
    assert!(!device.is_of(other, Id::new(Ulid(2)), NOW) && !device.is_of(own, Id::new(Ulid(9)), NOW));
}

#[test]
fn a_code_and_a_recovery_code_are_accepted_once_each() {
    let factor = SecondFactor { ciphertext: vec![1], enrolled_at: NOW, last_step: 100 };
    let codes = vec![TokenHash([1; 32]), TokenHash([2; 32])];
    let enrolled = Credentials::new(PasswordHash::new("$"), NOW).with_second_factor(factor, codes);
    assert_eq!(enrolled.version, 2);
    for step in [99, 100] {
        assert_eq!(enrolled.with_accepted_step(step), None, "{step}");
    }
    let accepted = enrolled.with_accepted_step(101).unwrap();
    assert_eq!((accepted.version, accepted.with_accepted_step(101)), (3, None));
    let used = accepted.with_used_recovery_code(TokenHash([1; 32])).unwrap();
    assert_eq!((used.version, &used.recovery_codes[..]), (4, &[TokenHash([2; 32])][..]));
    assert_eq!(used.with_used_recovery_code(TokenHash([1; 32])), None);
    let removed = used.without_authenticator_app();
    assert_eq!((removed.second_factor, removed.recovery_codes.len()), (None, 0));
}
