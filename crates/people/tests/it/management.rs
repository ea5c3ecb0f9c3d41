//! The management of users.

use auth::{Permission, Role, UserDenied, UserError, UserStatus, parse_user_email};
use kernel::Title;
use novantra_people::PeopleError;

use crate::harness::{EMAIL, Harness, PASSWORD};

#[tokio::test]
async fn only_an_administrator_with_a_recent_password_manages_people() {
    let harness = Harness::open().await;
    let administrator = harness.administrator("admin@b.example").await;
    harness.active_user(EMAIL, Role::Lead).await;
    let lead = harness.caller(EMAIL).await;
    let new = |email: &str| (Title::parse("New").unwrap(), parse_user_email(email).unwrap(), Role::Reader);
    let author = harness.user_author(&lead);
    let denied = UserDenied::MissingPermission(Permission::ManagePeople);
    let refused = harness.people.create_user(&author, &harness.home, new("a@b.example")).await;
    assert!(matches!(&refused, Err(PeopleError::Denied(reason)) if *reason == denied), "{refused:?}");
    for refused in [
        harness.people.disable_user(&author, &harness.home, administrator.user.meta.id).await,
        harness.people.set_role(&author, &harness.home, administrator.user.meta.id, Role::Reader).await,
        harness.people.enable_user(&author, &harness.home, administrator.user.meta.id).await,
        harness.people.issue_reset(&author, &harness.home, lead.user.meta.id, true).await.map(|(user, _)| user),
        harness.people.invite_again(&author, &harness.home, lead.user.meta.id).await.map(|(user, _)| user),
    ] {
        assert!(matches!(&refused, Err(PeopleError::Denied(reason)) if *reason == denied), "{refused:?}");
    }
    let author = harness.user_author(&administrator);
    harness.people.create_user(&author, &harness.home, new("a@b.example")).await.unwrap();
    harness.advance(900);
    let late = harness.people.create_user(&author, &harness.home, new("c@b.example")).await;
    assert!(matches!(late, Err(PeopleError::Denied(UserDenied::NotRecent))), "{late:?}");
}

#[tokio::test]
async fn a_disabled_user_is_refused_on_their_next_request_and_can_return() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let session = harness.signed_in(EMAIL).await;
    harness.people.disable_user(&harness.operator(), &harness.home, user.meta.id).await.unwrap();
    let next = harness.people.authenticate(&session.session.token).await;
    assert!(matches!(next, Err(PeopleError::Denied(UserDenied::SignedOut))), "{next:?}");
    let enabled = harness.people.enable_user(&harness.operator(), &harness.home, user.meta.id).await.unwrap();
    assert_eq!(enabled.record.status, UserStatus::Active);
    assert!(harness.people.authenticate(&session.session.token).await.is_err(), "the session stays over");
    harness.signed_in(EMAIL).await;
}

#[tokio::test]
async fn another_role_counts_from_the_next_request_on() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let before = harness.caller(EMAIL).await;
    harness.people.set_role(&harness.operator(), &harness.home, user.meta.id, Role::Admin).await.unwrap();
    let client = harness.client("192.0.2.1");
    let password = secrecy::SecretString::from(PASSWORD);
    let stale = harness.people.reauthenticate(&before, &password, &client).await;
    assert!(stale.is_err(), "a session that was authorized before changes nothing: {stale:?}");
    let pending = harness.signed_in(EMAIL).await;
    assert_eq!(pending.session.session.level, auth::SessionLevel::EnrollmentPending);
}

#[tokio::test]
async fn an_administrator_who_was_disabled_meanwhile_changes_nothing() {
    let harness = Harness::open().await;
    let administrator = harness.administrator("admin@b.example").await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let author = harness.user_author(&administrator);
    harness.people.disable_user(&harness.operator(), &harness.home, administrator.user.meta.id).await.unwrap();
    let late = harness.people.set_role(&author, &harness.home, user.meta.id, Role::Admin).await;
    assert!(matches!(late, Err(PeopleError::Denied(UserDenied::SignedOut))), "{late:?}");
    let unchanged = harness.people.user(harness.home.id, user.meta.id).await.unwrap();
    assert_eq!(unchanged.record.role, Role::Lead);
}

#[tokio::test]
async fn administrators_do_not_change_their_own_role_or_status() {
    let harness = Harness::open().await;
    let administrator = harness.administrator("admin@b.example").await;
    let (author, own) = (harness.user_author(&administrator), administrator.user.meta.id);
    for refused in [
        harness.people.set_role(&author, &harness.home, own, Role::Reader).await,
        harness.people.disable_user(&author, &harness.home, own).await,
    ] {
        assert!(matches!(refused, Err(PeopleError::OwnAccount)), "{refused:?}");
    }
}

#[tokio::test]
async fn of_two_administrators_who_disable_each_other_one_remains() {
    let harness = Harness::open().await;
    let one = harness.administrator("one@b.example").await;
    let other = harness.administrator("other@b.example").await;
    let (by_one, by_other) = (harness.user_author(&one), harness.user_author(&other));
    let (first, second) = tokio::join!(
        harness.people.disable_user(&by_one, &harness.home, other.user.meta.id),
        harness.people.disable_user(&by_other, &harness.home, one.user.meta.id),
    );
    assert!(first.is_ok() ^ second.is_ok(), "{first:?} {second:?}");
}

#[tokio::test]
async fn an_email_address_is_taken_once_and_a_missing_user_is_not_found() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let name = Title::parse("Second").unwrap();
    let email = parse_user_email(&EMAIL.to_uppercase()).unwrap();
    let taken = harness.people.create_user(&harness.operator(), &harness.home, (name, email, Role::Lead)).await;
    assert!(matches!(taken, Err(PeopleError::EmailTaken)), "{taken:?}");
    let missing = harness.people.disable_user(&harness.operator(), &harness.home, harness.fixture.new_id()).await;
    assert!(matches!(missing, Err(PeopleError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn an_invited_user_is_invited_again_and_an_active_one_is_not() {
    let harness = Harness::open().await;
    let new = (Title::parse("New").unwrap(), parse_user_email("new@b.example").unwrap(), Role::Reader);
    let (user, first) = harness.people.create_user(&harness.operator(), &harness.home, new).await.unwrap();
    let again = harness.people.invite_again(&harness.operator(), &harness.home, user.meta.id).await;
    let (_, second) = again.unwrap();
    assert!(matches!(harness.use_link(&first.token, PASSWORD).await, Err(PeopleError::LinkInvalid)));
    harness.use_link(&second.token, PASSWORD).await.unwrap();
    let refused = harness.people.invite_again(&harness.operator(), &harness.home, user.meta.id).await;
    let expected = UserError::NotInvited(UserStatus::Active);
    assert!(matches!(&refused, Err(PeopleError::Refused(reason)) if *reason == expected), "{refused:?}");
}
