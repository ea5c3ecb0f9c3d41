//! The passkeys of a user: registration, names, removal, reset.

use auth::{Passkey, Role, SessionLevel, UserCaller, UserDenied};
use novantra_people::{PasskeyFault, PasskeyForm, PasskeyOutcome, PeopleError, SignInOutcome};
use webauthn::{KeyAlgorithm, SoftwareAuthenticator};

use crate::{
    harness::{EMAIL, Harness},
    passkey_harness::{ORIGIN, PARTY, Registered, add, authenticator, begun, fault, json, party, registered},
};

#[tokio::test]
async fn the_first_second_factor_brings_recovery_codes_and_the_next_none() {
    let registered = registered().await;
    assert_eq!(registered.enrolled.recovery_codes.len(), 10);
    let mut other = authenticator();
    let second = add(&registered.harness, &registered.caller, &mut other).await.unwrap();
    assert_eq!(second.recovery_codes.len(), 0);
    let code = registered.enrolled.recovery_codes[0].expose();
    let client = registered.harness.client("192.0.2.1");
    let outcome = registered.harness.people.verify_second_factor(&registered.pending().await, &code, &client).await;
    assert!(matches!(outcome, Ok(SignInOutcome::Begun(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_registration_is_answered_once_in_time_by_its_session_and_at_the_origin() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let (caller, other) = (harness.caller(EMAIL).await, harness.caller(EMAIL).await);
    let (people, client, mut authenticator) = (&harness.people, harness.client("192.0.2.1"), authenticator());
    let options = json(&people.passkey_registration(&caller.user, &caller.session, &party()).await.unwrap());
    let response = authenticator.register(&options);
    let refused = async |caller: &UserCaller, response: &str, name: &str| {
        let outcome = people.add_passkey(caller, &party(), PasskeyForm { response, name }, &client).await;
        match outcome {
            Err(PeopleError::Invalid(faults)) => faults[0].field.to_string(),
            outcome => panic!("{outcome:?}"),
        }
    };
    assert_eq!(refused(&other, &response, "Laptop").await, "passkey", "another session");
    assert_eq!(refused(&caller, &response, " ").await, "name");
    assert_eq!(refused(&caller, "{}", "Laptop").await, "passkey");
    authenticator.origin = "https://evil.example".to_owned();
    let elsewhere = authenticator.register(&options);
    assert_eq!(refused(&caller, &elsewhere, "Laptop").await, "passkey", "another origin");
    let form = PasskeyForm { response: &response, name: "Laptop" };
    let added = people.add_passkey(&caller, &party(), form, &client).await.unwrap();
    let caller = people.authenticate(&added.begun.session.token).await.unwrap();
    assert_eq!(refused(&caller, &response, "Laptop").await, "passkey", "a second time");
    let options = json(&people.passkey_registration(&caller.user, &caller.session, &party()).await.unwrap());
    authenticator.origin = ORIGIN.to_owned();
    let late = authenticator.register(&options);
    harness.advance(300);
    assert_eq!(refused(&caller, &late, "Laptop").await, "passkey", "after five minutes");
}

#[tokio::test]
async fn a_registration_needs_a_recent_password_and_there_is_a_limit() {
    let Registered { harness, mut caller, .. } = registered().await;
    for _ in 1..Passkey::MAX_PER_USER {
        let added = add(&harness, &caller, &mut authenticator()).await.unwrap();
        caller = harness.people.authenticate(&added.begun.session.token).await.unwrap();
    }
    let refused = add(&harness, &caller, &mut authenticator()).await;
    assert!(matches!(refused, Err(PeopleError::TooManyPasskeys)), "{refused:?}");
    harness.advance(900);
    let form = PasskeyForm { response: "{}", name: "Laptop" };
    let late = harness.people.add_passkey(&caller, &party(), form, &harness.client("192.0.2.1")).await;
    assert!(matches!(late, Err(PeopleError::Denied(UserDenied::NotRecent))), "{late:?}");
}

#[tokio::test]
async fn an_administrator_may_have_a_passkey_as_the_only_second_factor_and_can_not_remove_it() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Admin).await;
    let pending = harness.signed_in(EMAIL).await;
    assert_eq!(pending.session.session.level, SessionLevel::EnrollmentPending);
    let (people, client, mut authenticator) = (&harness.people, harness.client("192.0.2.1"), authenticator());
    let waiting = people.pending_sign_in(&pending.session.token).await.unwrap();
    let options = people.passkey_registration(&waiting.user, &waiting.session, &party()).await.unwrap();
    let response = authenticator.register(&json(&options));
    let form = PasskeyForm { response: &response, name: "Laptop" };
    let enrolled = people.add_passkey_at_sign_in(&waiting, &party(), form, &client).await.unwrap();
    assert_eq!((enrolled.begun.session.session.level, enrolled.recovery_codes.len()), (SessionLevel::Full, 10));
    let caller = people.authenticate(&enrolled.begun.session.token).await.unwrap();
    let security = people.security(&caller, harness.home.id, caller.user.meta.id).await.unwrap();
    let first = security.passkeys[0].id;
    let refused = people.remove_passkey(&caller, first, &client).await;
    assert!(matches!(refused, Err(PeopleError::SecondFactorRequired)), "{refused:?}");
    let added = add(&harness, &caller, &mut SoftwareAuthenticator::new(KeyAlgorithm::EdDsa, ORIGIN, PARTY)).await;
    let caller = people.authenticate(&added.unwrap().begun.session.token).await.unwrap();
    people.remove_passkey(&caller, first, &client).await.unwrap();
    let gone = people.remove_passkey(&caller, first, &client).await;
    assert!(matches!(gone, Err(PeopleError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn an_app_may_be_removed_while_a_passkey_is_left() {
    let harness = Harness::open().await;
    let caller = harness.administrator(EMAIL).await;
    let client = harness.client("192.0.2.1");
    let added = add(&harness, &caller, &mut authenticator()).await.unwrap();
    assert_eq!(added.recovery_codes.len(), 0);
    let caller = harness.people.authenticate(&added.begun.session.token).await.unwrap();
    harness.people.remove_second_factor(&caller, &client).await.unwrap();
    let pending = harness.signed_in(EMAIL).await;
    assert_eq!(pending.session.session.level, SessionLevel::SecondFactorPending);
    let waiting = harness.people.pending_sign_in(&pending.session.token).await.unwrap();
    let choices = harness.people.second_factor_choices(&waiting, Some(&party())).await.unwrap();
    assert_eq!((choices.has_app, choices.passkeys.is_some()), (false, true));
    let choices = harness.people.second_factor_choices(&waiting, None).await.unwrap();
    assert!(choices.passkeys.is_none());
}

#[tokio::test]
async fn a_passkey_is_renamed_and_removed_and_each_is_in_the_audit_log() {
    let mut registered = registered().await;
    let (people, client) = (registered.harness.people.clone(), registered.harness.client("192.0.2.1"));
    let caller = registered.caller.clone();
    let id = people.security(&caller, caller.user.meta.organization, caller.user.meta.id).await.unwrap().passkeys[0].id;
    let entries = registered.harness.entries().await;
    people.rename_passkey(&caller, id, "Blue key", &client).await.unwrap();
    people.rename_passkey(&caller, id, "Blue key", &client).await.unwrap();
    assert_eq!(people.passkey(&caller, id).await.unwrap().name.as_str(), "Blue key");
    let other = begun(registered.sign_in().await);
    people.remove_passkey(&caller, id, &client).await.unwrap();
    let actions = registered.harness.actions(entries).await;
    assert_eq!(actions, ["user.passkey_renamed", "user.signed_in", "user.passkey_removed"]);
    assert!(people.authenticate(&other.token).await.is_err(), "the session that was begun with it is over");
    people.authenticate(&registered.enrolled.begun.session.token).await.unwrap();
    assert_eq!(fault(registered.sign_in().await), PasskeyFault::Unknown);
    let level = registered.harness.signed_in(EMAIL).await.session.session.level;
    assert_eq!(level, SessionLevel::Full, "no second factor is left");
}

#[tokio::test]
async fn a_reset_removes_passkeys_if_they_are_lost_and_keeps_them_otherwise() {
    for lost in [false, true] {
        let mut registered = registered().await;
        let (people, home) = (registered.harness.people.clone(), registered.harness.home.clone());
        let user = registered.caller.user.meta.id;
        let (_, link) = people.issue_reset(&registered.harness.operator(), &home, user, lost).await.unwrap();
        let details = people.link(&link.token).await.unwrap();
        assert_eq!(details.has_second_factor, !lost);
        let begun_by_link = registered.harness.use_link(&link.token, crate::harness::OTHER_PASSWORD).await.unwrap();
        let expected = if lost { SessionLevel::Full } else { SessionLevel::SecondFactorPending };
        assert_eq!(begun_by_link.session.session.level, expected);
        let outcome = registered.sign_in().await;
        assert_eq!(matches!(outcome, PasskeyOutcome::Begun(_)), !lost, "{outcome:?}");
    }
}

#[tokio::test]
async fn an_authenticator_is_registered_once_in_the_workspace() {
    let mut registered = registered().await;
    let harness = &registered.harness;
    harness.active_user("other@b.example", Role::Lead).await;
    let others = [harness.caller("other@b.example").await, registered.caller.clone()];
    for caller in &others {
        let refused = add(harness, caller, &mut registered.authenticator).await;
        assert!(matches!(&refused, Err(PeopleError::Invalid(faults)) if faults[0].field == "passkey"), "{refused:?}");
    }
    add(harness, &others[0], &mut authenticator()).await.unwrap();
}
