//! The password step of a sign-in.

use std::sync::atomic::Ordering;

use auth::{CredentialChange, Credentials, PasswordHash, Role, SessionLevel, TokenUse};
use novantra_people::SignInOutcome;

use crate::harness::{EMAIL, Harness, OTHER_PASSWORD, PASSWORD, begun, refused, sent};

#[tokio::test]
async fn the_right_password_begins_a_session_whose_token_is_stored_only_as_a_hash() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let entries = harness.entries().await;
    let signed_in =
        begun(harness.sign_in(" M.Halloran@BRACKWATER.example", PASSWORD, &harness.client("192.0.2.7")).await);
    assert_eq!(harness.actions(entries).await, ["user.signed_in"]);
    let log = harness.fixture.audit_log(harness.home.id).await;
    let entry = &log.last().unwrap().entry;
    assert_eq!((entry.actor.kind.name(), entry.actor.id.as_deref()), ("user", Some(&*user.meta.id.to_string())));
    assert_eq!(entry.origin.source_address.as_deref(), Some("192.0.2.7"));
    let caller = harness.people.authenticate(&sent(&signed_in.session.token, TokenUse::Session)).await.unwrap();
    assert_eq!((caller.user.meta.id, caller.session.level), (user.meta.id, SessionLevel::Full));
    assert_eq!(caller.session.source_address.as_deref(), Some("192.0.2.7"));
    assert!(!format!("{:?}", log).contains(signed_in.session.token.expose()));
}

#[tokio::test]
async fn whatever_is_wrong_is_refused_alike_and_costs_one_hash() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let disabled = harness.active_user("gone@b.example", Role::Lead).await;
    harness.people.disable_user(&harness.operator(), &harness.home, disabled.meta.id).await.unwrap();
    harness.advance(1);
    let entries = harness.entries().await;
    for (number, (workspace, email, password)) in [
        ("home", EMAIL, OTHER_PASSWORD),
        ("home", EMAIL, ""),
        ("home", EMAIL, &"a".repeat(1_000_000)),
        ("home", "nobody@b.example", PASSWORD),
        ("home", "no address", PASSWORD),
        ("home", "gone@b.example", PASSWORD),
        ("elsewhere", EMAIL, PASSWORD),
        ("No Slug!", EMAIL, PASSWORD),
    ]
    .into_iter()
    .enumerate()
    {
        let before = harness.hasher.verified.load(Ordering::SeqCst);
        let client = harness.client(&format!("192.0.{number}.1"));
        let refusal = refused(harness.sign_in_to(workspace, email, password, &client).await);
        assert_eq!(refusal.retry_after, None, "{workspace} {email}");
        assert_eq!(harness.hasher.verified.load(Ordering::SeqCst), before + 1, "{workspace} {email}");
    }
    let failed = ["user.sign_in_failed"; 6];
    assert_eq!(harness.actions(entries).await, failed, "those that name no workspace are in the installation's log");
}

#[tokio::test]
async fn failures_share_an_entry_a_minute_for_each_user_and_network() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    harness.advance(1);
    let (entries, store) = (harness.entries().await, &harness.fixture.store);
    for address in ["203.0.113.9", "203.0.113.9", "203.0.113.20", "198.51.100.1"] {
        refused(harness.sign_in(EMAIL, OTHER_PASSWORD, &harness.client(address)).await);
    }
    let log = harness.fixture.audit_log(harness.home.id).await;
    let failed: Vec<_> = log[entries..].iter().map(|stored| &stored.entry).collect();
    assert_eq!(failed.len(), 2);
    assert_eq!(failed[0].subject.as_ref().map(|subject| subject.id.clone()), Some(user.meta.id.to_string()));
    assert_eq!((failed[0].origin.source_address.as_deref(), failed[0].status), (Some("203.0.113.9"), Some(401)));
    let due =
        store.repeated_calls(harness.now() + std::time::Duration::from_secs(60), harness.now(), 10).await.unwrap();
    assert_eq!(due.iter().map(|counted| (counted.first, counted.calls)).collect::<Vec<_>>(), [(failed[0].id, 2)]);
    harness.advance(60);
    refused(harness.sign_in(EMAIL, OTHER_PASSWORD, &harness.client("203.0.113.9")).await);
    assert_eq!(harness.entries().await, entries + 3);
}

#[tokio::test]
async fn a_refusal_names_the_user_for_the_audit_log_only_if_they_exist() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let client = harness.client("192.0.2.7");
    let existing = refused(harness.sign_in(EMAIL, OTHER_PASSWORD, &client).await);
    assert_eq!((existing.organization, existing.user), (Some(harness.home.clone()), Some(user.meta.id)));
    let unknown = refused(harness.sign_in("nobody@b.example", PASSWORD, &client).await);
    assert_eq!((unknown.organization, unknown.user), (Some(harness.home.clone()), None));
    let nowhere = refused(harness.sign_in_to("elsewhere", EMAIL, PASSWORD, &client).await);
    assert_eq!((nowhere.organization, nowhere.user), (None, None));
}

#[tokio::test]
async fn users_with_one_email_address_in_two_workspaces_have_nothing_in_common() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    harness.fixture.create_organization("away").await;
    let client = harness.client("192.0.2.7");
    refused(harness.sign_in_to("away", EMAIL, PASSWORD, &client).await);
    begun(harness.sign_in(EMAIL, PASSWORD, &client).await);
}

#[tokio::test]
async fn a_hash_with_outdated_parameters_is_replaced_at_the_sign_in() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let stored = async || harness.fixture.store.credentials(harness.home.id, user.meta.id).await.unwrap().unwrap();
    let old = Credentials { password: PasswordHash::new(format!("old${PASSWORD}")), ..stored().await.next() };
    let change = CredentialChange::SetCredentials { user: user.meta.id, credentials: old };
    let changeset = harness.fixture.changeset(harness.home.id);
    assert!(harness.fixture.store.commit_with_credentials(changeset, &[change]).await.unwrap());
    harness.signed_in(EMAIL).await;
    assert_eq!(stored().await.password.as_str(), format!("new${PASSWORD}"));
    let version = stored().await.version;
    harness.signed_in(EMAIL).await;
    assert_eq!(stored().await.version, version);
}

#[tokio::test]
async fn an_administrator_without_a_second_factor_can_only_enroll_one() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Admin).await;
    let begun = harness.signed_in(EMAIL).await;
    assert_eq!(begun.session.session.level, SessionLevel::EnrollmentPending);
    assert_eq!(begun.device_cookie, None);
    assert!(harness.people.authenticate(&begun.session.token).await.is_err());
    let code = harness.people.verify_second_factor(&begun.session.token, "123456", &harness.client("192.0.2.1")).await;
    assert!(code.is_err());
}

#[tokio::test]
async fn the_use_cases_can_be_awaited_on_any_thread() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let people = harness.people.clone();
    let client = harness.client("192.0.2.1");
    let signed_in = tokio::spawn(async move {
        let password = secrecy::SecretString::from(PASSWORD);
        let sign_in = novantra_people::SignIn { workspace: "home", email: EMAIL, password: &password };
        people.sign_in(&sign_in, &client).await.unwrap()
    });
    assert!(matches!(signed_in.await.unwrap(), SignInOutcome::Begun(_)));
}
