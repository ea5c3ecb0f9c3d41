//! Links that work once.

use auth::{LinkPurpose, OpaqueToken, Role, SessionLevel, TokenUse, UserStatus};
use novantra_people::{EnrollmentForm, LinkForm, PeopleError};
use secrecy::SecretString;

use crate::harness::{EMAIL, Harness, OTHER_PASSWORD, PASSWORD, begun, refused, sent};

async fn first_administrator_link(harness: &Harness) -> OpaqueToken {
    harness.people.issue_first_administrator_link(&harness.operator(), &harness.home).await.unwrap().token
}

#[tokio::test]
async fn an_invited_user_sets_a_password_and_is_signed_in() {
    let harness = Harness::open().await;
    let entries = harness.entries().await;
    let user = harness.active_user(EMAIL, Role::Contributor).await;
    assert_eq!(user.record.status, UserStatus::Active);
    let actions = harness.actions(entries).await;
    assert_eq!(actions, ["user.created", "user.invited", "user.activated", "user.signed_in"]);
    harness.signed_in(EMAIL).await;
}

#[tokio::test]
async fn a_link_works_once_until_it_expires_and_the_newest_alone() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let reset = async || {
        let issued = harness.people.issue_reset(&harness.operator(), &harness.home, user.meta.id, false).await;
        issued.unwrap().1.token
    };
    let invalid = async |token: &OpaqueToken| {
        let used = harness.use_link(token, OTHER_PASSWORD).await;
        assert!(matches!(used, Err(PeopleError::LinkInvalid)), "{used:?}");
        assert!(matches!(harness.people.link(token).await, Err(PeopleError::LinkInvalid)));
    };
    let (replaced, used) = (reset().await, reset().await);
    invalid(&replaced).await;
    harness.use_link(&sent(&used, TokenUse::Link), OTHER_PASSWORD).await.unwrap();
    invalid(&used).await;
    let late = reset().await;
    harness.advance(LinkPurpose::PasswordReset.default_lifetime().as_secs());
    invalid(&late).await;
    let of_disabled = reset().await;
    harness.people.disable_user(&harness.operator(), &harness.home, user.meta.id).await.unwrap();
    invalid(&of_disabled).await;
}

#[tokio::test]
async fn of_concurrent_uses_of_one_link_one_succeeds() {
    let harness = Harness::open().await;
    let token = first_administrator_link(&harness).await;
    let password = SecretString::from(PASSWORD);
    let client = harness.client("192.0.2.1");
    let use_it = async |email: &str| {
        let form = LinkForm { name: "Morgan", email, password: &password, second_factor: None };
        harness.people.use_link(&token, form, &client).await.is_ok()
    };
    let (one, other) = tokio::join!(use_it("a@b.example"), use_it("c@d.example"));
    assert!(one ^ other, "{one} {other}");
    assert_eq!(harness.people.users(None, harness.home.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_reset_replaces_the_password_and_ends_all_sessions() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let before = harness.signed_in(EMAIL).await;
    let (_, issued) =
        harness.people.issue_reset(&harness.operator(), &harness.home, user.meta.id, false).await.unwrap();
    harness.people.authenticate(&before.session.token).await.unwrap();
    harness.use_link(&issued.token, OTHER_PASSWORD).await.unwrap();
    assert!(harness.people.authenticate(&before.session.token).await.is_err());
    let client = harness.client("192.0.2.1");
    refused(harness.sign_in(EMAIL, PASSWORD, &client).await);
    begun(harness.sign_in(EMAIL, OTHER_PASSWORD, &client).await);
}

#[tokio::test]
async fn a_password_that_is_refused_leaves_the_link_as_it_was() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let (_, issued) =
        harness.people.issue_reset(&harness.operator(), &harness.home, user.meta.id, false).await.unwrap();
    for bad in ["", "short", "passwordpassword", "kestrel Halloran venn"] {
        let refused = harness.use_link(&issued.token, bad).await;
        assert!(matches!(&refused, Err(PeopleError::Invalid(faults)) if faults[0].field == "password"), "{bad}");
    }
    harness.use_link(&issued.token, OTHER_PASSWORD).await.unwrap();
}

#[tokio::test]
async fn the_first_administrator_is_created_with_a_second_factor_in_one_step() {
    let harness = Harness::open().await;
    let token = first_administrator_link(&harness).await;
    let details = harness.people.link(&token).await.unwrap();
    assert!(details.user.is_none() && details.organization == harness.home);
    let offer = harness.people.offer_second_factor_by_link(&details.link);
    let (password, code) = (SecretString::from(PASSWORD), harness.code(&offer.secret));
    let second_factor = Some(EnrollmentForm { sealed: &offer.sealed, code: &code });
    let client = harness.client("192.0.2.1");
    let form = LinkForm { name: " Morgan ", email: "Root@B.example", password: &password, second_factor };
    for (field, form) in [
        ("name", LinkForm { name: " ", ..form }),
        ("email", LinkForm { email: "root", ..form }),
        ("code", LinkForm { second_factor: Some(EnrollmentForm { sealed: &offer.sealed, code: "000000" }), ..form }),
    ] {
        let refused = harness.people.use_link(&token, form, &client).await;
        assert!(matches!(&refused, Err(PeopleError::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    let enrolled = harness.people.use_link(&token, form, &client).await.unwrap();
    assert_eq!((enrolled.recovery_codes.len(), enrolled.begun.session.session.level), (10, SessionLevel::Full));
    let user = &enrolled.begun.user.record;
    assert_eq!((user.email.as_str(), user.role, user.status), ("root@b.example", Role::Admin, UserStatus::Active));
    let caller = harness.people.authenticate(&enrolled.begun.session.token).await.unwrap();
    assert_eq!(caller.user.meta.id, enrolled.begun.user.meta.id);
    let pending = harness.signed_in("root@b.example").await;
    assert_eq!(pending.session.session.level, SessionLevel::SecondFactorPending);
    harness.advance(30);
    let code = harness.code(&offer.secret);
    begun(harness.people.verify_second_factor(&pending.session.token, &code, &client).await.unwrap());
}

#[tokio::test]
async fn the_link_for_the_first_administrator_takes_no_email_address_of_another_user() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Reader).await;
    let token = first_administrator_link(&harness).await;
    let password = SecretString::from(PASSWORD);
    let form = LinkForm { name: "Eve", email: EMAIL, password: &password, second_factor: None };
    let taken = harness.people.use_link(&token, form, &harness.client("192.0.2.1")).await;
    assert!(matches!(taken, Err(PeopleError::EmailTaken)), "{taken:?}");
}

#[tokio::test]
async fn an_authenticator_app_that_is_set_up_by_a_link_is_in_the_audit_log() {
    let harness = Harness::open().await;
    let (people, home, client) = (&harness.people, &harness.home, harness.client("192.0.2.1"));
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let reset = people.issue_reset(&harness.operator(), home, user.meta.id, true).await.unwrap().1.token;
    let invited = (kernel::Title::parse("Lin").unwrap(), auth::parse_user_email("lin@b.example").unwrap(), Role::Admin);
    let invitation = people.create_user(&harness.operator(), home, invited).await.unwrap().1.token;
    let first = first_administrator_link(&harness).await;
    for (token, action) in [(reset, "user.password_reset"), (invitation, "user.activated"), (first, "user.created")] {
        let offer = people.offer_second_factor_by_link(&people.link(&token).await.unwrap().link);
        let (password, code) = (SecretString::from(OTHER_PASSWORD), harness.code(&offer.secret));
        let second_factor = Some(EnrollmentForm { sealed: &offer.sealed, code: &code });
        let form = LinkForm { name: "Morgan", email: "root@b.example", password: &password, second_factor };
        let entries = harness.entries().await;
        people.use_link(&token, form, &client).await.unwrap();
        assert_eq!(harness.actions(entries).await, [action, "user.second_factor_enrolled", "user.signed_in"]);
    }
}
