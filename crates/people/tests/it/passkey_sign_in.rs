//! Sign-in with a passkey, alone or after the password.

use auth::{Permission, Role, SessionLevel};
use novantra_people::{PasskeyFault, PasskeyOutcome, RelyingParty};

use crate::{
    harness::refused as refused_code,
    passkey_harness::{BROWSER, ORIGIN, PARTY, add, authenticator, begun, fault, json, party, registered},
};

#[tokio::test]
async fn a_passkey_that_verifies_its_owner_signs_in_alone() {
    let mut registered = registered().await;
    let entries = registered.harness.entries().await;
    let session = begun(registered.sign_in().await);
    assert_eq!(registered.harness.actions(entries).await, ["user.signed_in"]);
    assert_eq!(session.session.level, SessionLevel::Full);
    let caller = registered.harness.people.authenticate(&session.token).await.unwrap();
    assert_eq!(caller.user.meta.id, registered.caller.user.meta.id);
    assert!(caller.require(Permission::ReadRecords).is_ok());
    let security =
        registered.harness.people.security(&caller, caller.user.meta.organization, caller.user.meta.id).await;
    let passkey = &security.unwrap().passkeys[0];
    assert_eq!((passkey.name.as_str(), passkey.sign_count), ("Laptop", 2));
    assert_eq!(passkey.last_used_at, Some(registered.harness.now()));
}

#[tokio::test]
async fn a_passkey_completes_a_sign_in_with_the_password() {
    let mut registered = registered().await;
    registered.authenticator.is_verifying = false;
    let (entries, pending) = (registered.harness.entries().await, registered.pending().await);
    let session = begun(registered.second_step(&pending).await.unwrap());
    assert_eq!(registered.harness.actions(entries).await, ["user.password_accepted", "user.signed_in"]);
    registered.harness.people.authenticate(&session.token).await.unwrap();
    assert!(registered.harness.people.pending_sign_in(&pending).await.is_err(), "the earlier session is over");
}

#[tokio::test]
async fn a_passkey_that_does_not_verify_its_owner_signs_nobody_in_alone() {
    let mut registered = registered().await;
    registered.authenticator.is_verifying = false;
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unverified);
    registered.authenticator.is_verifying = true;
    begun(registered.sign_in().await);
}

#[tokio::test]
async fn an_answer_is_accepted_once() {
    let mut registered = registered().await;
    registered.authenticator.counter = None;
    let mut other = authenticator();
    other.counter = None;
    let added = add(&registered.harness, &registered.caller, &mut other).await.unwrap();
    registered.caller = registered.harness.people.authenticate(&added.begun.session.token).await.unwrap();
    registered.authenticator = other;
    registered.harness.advance(1);
    let earlier = registered.response();
    registered.harness.advance(1);
    let response = registered.response();
    begun(registered.send(&response).await);
    assert_eq!(fault(registered.send(&response).await), PasskeyFault::Expired);
    assert_eq!(fault(registered.send(&earlier).await), PasskeyFault::Expired, "an earlier challenge");
    registered.harness.advance(1);
    begun(registered.sign_in().await);
}

#[tokio::test]
async fn of_concurrent_answers_to_one_challenge_one_is_accepted() {
    let mut registered = registered().await;
    let response = registered.response();
    let (one, other) = tokio::join!(registered.send(&response), registered.send(&response));
    let accepted = [one, other].iter().filter(|outcome| matches!(outcome, PasskeyOutcome::Begun(_))).count();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn an_answer_after_five_minutes_or_from_another_browser_is_refused() {
    let mut registered = registered().await;
    let response = registered.response();
    let other = registered.send_from(&response, "the key of another browser", &party()).await;
    assert_eq!(fault(other), PasskeyFault::Expired);
    registered.harness.advance(299);
    begun(registered.send(&response).await);
    let late = registered.response();
    registered.harness.advance(300);
    assert_eq!(fault(registered.send(&late).await), PasskeyFault::Expired);
}

#[tokio::test]
async fn an_answer_to_a_challenge_that_nobody_issued_is_refused() {
    let mut registered = registered().await;
    for challenge in ["", "AAAA", "YSBjaGFsbGVuZ2Ugb2YgMzIgYnl0ZXMgb3IgbW9yZS4"] {
        let response = registered.authenticator.sign_in(&serde_json::json!({ "challenge": challenge }));
        assert_eq!(fault(registered.send(&response).await), PasskeyFault::Expired, "{challenge}");
    }
}

#[tokio::test]
async fn another_origin_and_another_relying_party_are_refused() {
    let mut registered = registered().await;
    registered.authenticator.origin = "https://evil.example".to_owned();
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown);
    registered.authenticator.origin = ORIGIN.to_owned();
    registered.authenticator.party = "evil.example".to_owned();
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown);
    registered.authenticator.party = PARTY.to_owned();
    let response = registered.response();
    let elsewhere = RelyingParty::at("https://other.example.org").unwrap();
    assert_eq!(fault(registered.send_from(&response, BROWSER, &elsewhere).await), PasskeyFault::Unknown);
}

#[tokio::test]
async fn the_challenge_of_one_ceremony_is_none_of_another() {
    let mut registered = registered().await;
    let pending = registered.pending().await;
    let sign_in = registered.response();
    let client = registered.harness.client("192.0.2.1");
    let outcome = registered.harness.people.verify_passkey(&pending, &party(), &sign_in, &client).await.unwrap();
    assert_eq!(fault(outcome), PasskeyFault::Expired);
    let other = registered.pending().await;
    let waiting = registered.harness.people.pending_sign_in(&other).await.unwrap();
    let choices = registered.harness.people.second_factor_choices(&waiting, Some(&party())).await.unwrap();
    let response = registered.authenticator.sign_in(&json(&choices.passkeys.unwrap()));
    assert_eq!(fault(registered.send(&response).await), PasskeyFault::Expired, "the second step alone");
    let outcome = registered.harness.people.verify_passkey(&pending, &party(), &response, &client).await.unwrap();
    assert_eq!(fault(outcome), PasskeyFault::Expired, "that of another session");
    begun(registered.harness.people.verify_passkey(&other, &party(), &response, &client).await.unwrap());
}

#[tokio::test]
async fn a_passkey_of_another_user_completes_no_sign_in() {
    let mut registered = registered().await;
    registered.harness.active_user("other@b.example", Role::Lead).await;
    let other = registered.harness.caller("other@b.example").await;
    let mut foreign = authenticator();
    add(&registered.harness, &other, &mut foreign).await.unwrap();
    let pending = registered.pending().await;
    let own = std::mem::replace(&mut registered.authenticator, foreign);
    assert_eq!(fault(registered.second_step(&pending).await.unwrap()), PasskeyFault::Unknown);
    registered.authenticator.user_handle = own.user_handle.clone();
    assert_eq!(fault(registered.second_step(&pending).await.unwrap()), PasskeyFault::Unknown, "with another handle");
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown);
    registered.authenticator.id.clone_from(&own.id);
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown, "with another identifier");
    registered.authenticator = own;
    begun(registered.sign_in().await);
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_and_recorded() {
    let mut registered = registered().await;
    begun(registered.sign_in().await);
    registered.harness.advance(1);
    registered.authenticator.counter = Some(2);
    let entries = registered.harness.entries().await;
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Copied);
    let actions = registered.harness.actions(entries).await;
    assert_eq!(actions, ["user.passkey_counter_went_back", "user.sign_in_failed"]);
    registered.authenticator.counter = Some(4);
    begun(registered.sign_in().await);
}

#[tokio::test]
async fn answers_of_nobody_and_malformed_ones_are_refused_and_recorded() {
    let mut registered = registered().await;
    for handle in [None, Some("AAAA"), Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")] {
        registered.authenticator.user_handle = handle.map(str::to_owned);
        assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown, "{handle:?}");
    }
    for response in ["", "{}", "[]", "null"] {
        assert_eq!(fault(registered.send(response).await), PasskeyFault::Unknown, "{response}");
    }
    let log = registered.harness.fixture.audit_log(kernel::OrganizationId::INSTALLATION).await;
    assert!(log.iter().any(|stored| stored.entry.action.to_string() == "user.sign_in_failed"));
}

#[tokio::test]
async fn wrong_answers_are_limited() {
    let mut registered = registered().await;
    registered.authenticator.origin = "https://evil.example".to_owned();
    let mut checked = 0;
    for _ in 0..20 {
        checked += usize::from(!matches!(fault(registered.sign_in().await), PasskeyFault::TooMany(_)));
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_disabled_user_does_not_sign_in_with_a_passkey() {
    let mut registered = registered().await;
    let (people, home) = (registered.harness.people.clone(), registered.harness.home.clone());
    let user = registered.caller.user.meta.id;
    people.disable_user(&registered.harness.operator(), &home, user).await.unwrap();
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown);
}

#[tokio::test]
async fn the_second_step_takes_no_code_of_an_app_that_is_not_there() {
    let registered = registered().await;
    let pending = registered.pending().await;
    let client = registered.harness.client("192.0.2.1");
    refused_code(registered.harness.people.verify_second_factor(&pending, "000000", &client).await.unwrap());
}

#[tokio::test]
async fn answers_that_name_nobody_are_limited_by_network() {
    let registered = registered().await;
    let mut answered = 0;
    while !matches!(fault(registered.send("{}").await), PasskeyFault::TooMany(_)) {
        answered += 1;
        assert!(answered <= 1000, "nothing limits them");
    }
    assert!(answered > 0);
}
