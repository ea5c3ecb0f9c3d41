//! Passkeys: registration, and sign-in with one alone or after the password.

use auth::{OpaqueToken, Passkey, Permission, Role, SessionLevel, UserCaller, UserDenied};
use novantra_people::{Enrolled, PasskeyFault, PasskeyForm, PasskeyOutcome, PeopleError, RelyingParty, SignInOutcome};
use serde_json::Value;
use webauthn::{KeyAlgorithm, SoftwareAuthenticator};

use crate::harness::{EMAIL, Harness, refused as refused_code};

const ORIGIN: &str = "https://grc.example.org";
const PARTY: &str = "grc.example.org";
const BROWSER: &str = "the key of a browser";

fn party() -> RelyingParty {
    RelyingParty::at(ORIGIN).unwrap()
}

fn authenticator() -> SoftwareAuthenticator {
    SoftwareAuthenticator::new(KeyAlgorithm::Es256, ORIGIN, PARTY)
}

fn json(options: &impl ToString) -> Value {
    serde_json::from_str(&options.to_string()).unwrap()
}

fn begun(outcome: PasskeyOutcome) -> auth::NewSession {
    match outcome {
        PasskeyOutcome::Begun(begun) => begun.session,
        PasskeyOutcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn fault(outcome: PasskeyOutcome) -> PasskeyFault {
    match outcome {
        PasskeyOutcome::Refused(refusal) => refusal.fault,
        PasskeyOutcome::Begun(begun) => panic!("a session has begun: {:?}", begun.session.session),
    }
}

/// A lead with a passkey.
struct Registered {
    harness: Harness,
    authenticator: SoftwareAuthenticator,
    caller: UserCaller,
    enrolled: Enrolled,
}

async fn add(
    harness: &Harness,
    caller: &UserCaller,
    authenticator: &mut SoftwareAuthenticator,
) -> Result<Enrolled, PeopleError> {
    let options = harness.people.passkey_registration(&caller.user, &caller.session, &party()).await?;
    let response = authenticator.register(&json(&options));
    let form = PasskeyForm { response: &response, name: "Laptop" };
    harness.people.add_passkey(caller, &party(), form, &harness.client("192.0.2.1")).await
}

async fn registered() -> Registered {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let mut authenticator = authenticator();
    let enrolled = add(&harness, &caller, &mut authenticator).await.unwrap();
    let caller = harness.people.authenticate(&enrolled.begun.session.token).await.unwrap();
    harness.advance(1);
    Registered { harness, authenticator, caller, enrolled }
}

impl Registered {
    fn response(&mut self) -> String {
        let options = self.harness.people.passkey_sign_in(&party(), BROWSER);
        self.authenticator.sign_in(&json(&options))
    }

    async fn send(&self, response: &str) -> PasskeyOutcome {
        self.send_from(response, BROWSER, &party()).await
    }

    async fn send_from(&self, response: &str, browser: &str, party: &RelyingParty) -> PasskeyOutcome {
        let client = self.harness.client("192.0.2.1");
        self.harness.people.sign_in_with_passkey(party, browser, response, &client).await.unwrap()
    }

    async fn sign_in(&mut self) -> PasskeyOutcome {
        let response = self.response();
        self.send(&response).await
    }

    /// Signs in with the password, and returns the token that waits for the second factor.
    async fn pending(&self) -> OpaqueToken {
        let pending = self.harness.signed_in(EMAIL).await;
        assert_eq!(pending.session.session.level, SessionLevel::SecondFactorPending);
        pending.session.token
    }

    /// Answers the challenge of the second step.
    async fn second_step(&mut self, token: &OpaqueToken) -> Result<PasskeyOutcome, PeopleError> {
        let pending = self.harness.people.pending_sign_in(token).await?;
        let choices = self.harness.people.second_factor_choices(&pending, Some(&party())).await?;
        let response = self.authenticator.sign_in(&json(&choices.passkeys.expect("a passkey")));
        let client = self.harness.client("192.0.2.1");
        self.harness.people.verify_passkey(token, &party(), &response, &client).await
    }
}

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
async fn the_second_step_takes_no_code_of_an_app_that_is_not_there() {
    let registered = registered().await;
    let pending = registered.pending().await;
    let client = registered.harness.client("192.0.2.1");
    refused_code(registered.harness.people.verify_second_factor(&pending, "000000", &client).await.unwrap());
}
