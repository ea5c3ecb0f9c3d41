//! Registration and sign-in with an authenticator in software, as it should be and with one thing wrong.

use novantra_webauthn::{
    Assertion, KeyAlgorithm, NewCredential, Registration, RelyingParty, SoftwareAuthenticator, VerifiedAssertion,
    WebauthnError,
};
use serde_json::Value;

use crate::{CHALLENGE, ORIGIN, PARTY, creation_options, party, registered, request_options};

fn authenticator() -> SoftwareAuthenticator {
    SoftwareAuthenticator::new(KeyAlgorithm::Es256, ORIGIN, PARTY)
}

fn register(authenticator: &mut SoftwareAuthenticator) -> Result<NewCredential, WebauthnError> {
    Registration::parse(&authenticator.register(&creation_options()))?.verify(&party(), CHALLENGE)
}

fn sign_in(
    authenticator: &mut SoftwareAuthenticator,
    credential: &NewCredential,
) -> Result<VerifiedAssertion, WebauthnError> {
    let response = authenticator.sign_in(&request_options());
    Assertion::parse(&response)?.verify(&party(), CHALLENGE, &registered(credential))
}

#[test]
fn a_credential_of_each_algorithm_is_registered_and_signs_in() {
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::EdDsa, KeyAlgorithm::Rs256] {
        let mut authenticator = SoftwareAuthenticator::new(algorithm, ORIGIN, PARTY);
        let offered = creation_options()["pubKeyCredParams"].as_array().unwrap().clone();
        assert!(offered.iter().any(|one| one["alg"] == authenticator.algorithm()), "{algorithm:?}");
        let credential = register(&mut authenticator).unwrap();
        assert_eq!((&credential.id, credential.sign_count), (&authenticator.id, 1));
        let verified = sign_in(&mut authenticator, &credential).unwrap();
        assert_eq!(verified, VerifiedAssertion { sign_count: 2, is_user_verified: true }, "{algorithm:?}");
    }
}

#[test]
fn the_answer_names_the_user_and_the_challenge() {
    let mut authenticator = authenticator();
    register(&mut authenticator).unwrap();
    let assertion = Assertion::parse(&authenticator.sign_in(&request_options())).unwrap();
    assert_eq!(assertion.user_handle(), Some(&b"handle"[..]));
    assert_eq!((assertion.challenge(), assertion.credential_id()), (CHALLENGE, &*authenticator.id));
}

#[test]
fn another_origin_is_refused() {
    let mut authenticator = authenticator();
    let credential = register(&mut authenticator).unwrap();
    for origin in [
        "https://evil.example",
        "http://grc.example.org",
        "https://grc.example.org:8443",
        "https://grc.example.org.evil.example",
        "https://www.grc.example.org",
        "null",
        "",
    ] {
        authenticator.origin = origin.to_owned();
        assert_eq!(register(&mut authenticator), Err(WebauthnError::Origin), "{origin}");
        assert_eq!(sign_in(&mut authenticator, &credential), Err(WebauthnError::Origin), "{origin}");
    }
}

#[test]
fn the_hash_of_another_relying_party_is_refused() {
    let mut authenticator = authenticator();
    let credential = register(&mut authenticator).unwrap();
    authenticator.party = "example.org".to_owned();
    assert_eq!(register(&mut authenticator), Err(WebauthnError::RelyingParty));
    assert_eq!(sign_in(&mut authenticator, &credential), Err(WebauthnError::RelyingParty));
}

#[test]
fn an_answer_to_another_challenge_is_refused() {
    let mut authenticator = authenticator();
    let registration = Registration::parse(&authenticator.register(&creation_options())).unwrap();
    let credential = registration.verify(&party(), CHALLENGE).unwrap();
    let assertion = Assertion::parse(&authenticator.sign_in(&request_options())).unwrap();
    for other in [&b"another"[..], &CHALLENGE[1..], b""] {
        assert_eq!(registration.verify(&party(), other), Err(WebauthnError::Challenge));
        assert_eq!(assertion.verify(&party(), other, &registered(&credential)), Err(WebauthnError::Challenge));
    }
}

#[test]
fn an_answer_without_a_person_is_refused_and_one_without_verification_says_so() {
    let mut authenticator = authenticator();
    let credential = register(&mut authenticator).unwrap();
    authenticator.is_verifying = false;
    assert!(!sign_in(&mut authenticator, &credential).unwrap().is_user_verified);
    assert!(!register(&mut authenticator).unwrap().is_user_verified);
    authenticator.is_present = false;
    assert_eq!(sign_in(&mut authenticator, &credential), Err(WebauthnError::UserPresence));
    assert_eq!(register(&mut authenticator), Err(WebauthnError::UserPresence));
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let mut own = authenticator();
    let credential = register(&mut own).unwrap();
    for algorithm in [KeyAlgorithm::Es256, KeyAlgorithm::EdDsa, KeyAlgorithm::Rs256] {
        let mut other = SoftwareAuthenticator::new(algorithm, ORIGIN, PARTY);
        assert_eq!(sign_in(&mut other, &credential), Err(WebauthnError::Signature), "another credential");
        other.id = own.id.clone();
        assert_eq!(sign_in(&mut other, &credential), Err(WebauthnError::Signature), "another key: {algorithm:?}");
    }
}

#[test]
fn a_counter_that_does_not_advance_is_refused_unless_there_is_none() {
    let mut authenticator = authenticator();
    let mut credential = register(&mut authenticator).unwrap();
    credential.sign_count = 7;
    for received in [6, 7, 0] {
        authenticator.counter = Some(received);
        let expected = WebauthnError::Counter { stored: 7, received };
        assert_eq!(sign_in(&mut authenticator, &credential), Err(expected));
    }
    authenticator.counter = Some(8);
    assert_eq!(sign_in(&mut authenticator, &credential).unwrap().sign_count, 8);
    authenticator.counter = None;
    credential.sign_count = 0;
    assert_eq!(sign_in(&mut authenticator, &credential).unwrap().sign_count, 0);
}

#[test]
fn a_credential_that_changes_whether_it_may_be_copied_is_refused() {
    let mut authenticator = authenticator();
    authenticator.is_backup_eligible = true;
    let credential = register(&mut authenticator).unwrap();
    assert!(credential.is_backup_eligible);
    sign_in(&mut authenticator, &credential).unwrap();
    authenticator.is_backup_eligible = false;
    assert!(matches!(sign_in(&mut authenticator, &credential), Err(WebauthnError::Malformed(_))));
}

#[test]
fn the_options_ask_for_what_is_verified() {
    let party = RelyingParty::at(ORIGIN).unwrap();
    let options = novantra_webauthn::request_options(&party, CHALLENGE, &[]);
    assert_eq!((&options["rpId"], &options["userVerification"]), (&Value::from(PARTY), &Value::from("required")));
    let options = novantra_webauthn::request_options(&party, CHALLENGE, &[b"one"]);
    assert_eq!(
        (&options["allowCredentials"][0]["id"], &options["userVerification"]),
        (&Value::from("b25l"), &Value::from("preferred"))
    );
    let options = creation_options();
    assert_eq!((&options["rp"]["id"], &options["attestation"]), (&Value::from(PARTY), &Value::from("none")));
}
