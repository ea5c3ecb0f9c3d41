//! Malformed and hostile responses.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use novantra_webauthn::{Assertion, KeyAlgorithm, Registration, SoftwareAuthenticator, WebauthnError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{CHALLENGE, ORIGIN, PARTY, creation_options, party, registered, request_options};

fn authenticator() -> SoftwareAuthenticator {
    SoftwareAuthenticator::new(KeyAlgorithm::Es256, ORIGIN, PARTY)
}

/// Returns a response with another value of one of its members.
fn with(response: &str, member: &str, value: impl Into<Value>) -> String {
    let mut response: Value = serde_json::from_str(response).unwrap();
    response["response"][member] = value.into();
    response.to_string()
}

fn member(response: &str, name: &str) -> Vec<u8> {
    let response: Value = serde_json::from_str(response).unwrap();
    URL_SAFE_NO_PAD.decode(response["response"][name].as_str().unwrap()).unwrap()
}

fn refused_registration(response: &str) -> WebauthnError {
    Registration::parse(response).and_then(|registration| registration.verify(&party(), CHALLENGE)).unwrap_err()
}

#[test]
fn what_is_no_response_is_refused() {
    let deep = "[".repeat(100_000);
    for text in
        ["", "{}", "null", "[]", "{\"response\":{}}", "{\"id\":\"\",\"response\":{\"clientDataJSON\":1}}", &deep]
    {
        assert!(matches!(Registration::parse(text), Err(WebauthnError::Malformed(_))), "{text:.40}");
        assert!(matches!(Assertion::parse(text), Err(WebauthnError::Malformed(_))), "{text:.40}");
    }
    let large = json!({ "id": "a", "response": {}, "more": "a".repeat(100_000) }).to_string();
    assert!(Registration::parse(&large).is_err() && Assertion::parse(&large).is_err());
}

#[test]
fn the_response_of_one_ceremony_is_none_of_the_other() {
    let mut authenticator = authenticator();
    let registration = authenticator.register(&creation_options());
    let assertion = authenticator.sign_in(&request_options());
    let client_data = |response: &str| URL_SAFE_NO_PAD.encode(member(response, "clientDataJSON"));
    let swapped = with(&registration, "clientDataJSON", client_data(&assertion));
    assert!(matches!(refused_registration(&swapped), WebauthnError::Malformed(_)));
    let swapped = with(&assertion, "clientDataJSON", client_data(&registration));
    assert!(matches!(Assertion::parse(&swapped), Err(WebauthnError::Malformed(_))));
}

#[test]
fn client_data_with_repeated_or_wrong_members_is_refused() {
    let response = authenticator().register(&creation_options());
    let challenge = URL_SAFE_NO_PAD.encode(CHALLENGE);
    for (text, expected) in [
        (format!(r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{ORIGIN}"}}"#), None),
        (
            format!(
                r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"https://evil.example","origin":"{ORIGIN}"}}"#
            ),
            Some("malformed"),
        ),
        (format!(r#"{{"type":"webauthn.create","challenge":"{challenge}"}}"#), Some("malformed")),
        (format!(r#"{{"type":"webauthn.create","challenge":"!","origin":"{ORIGIN}"}}"#), Some("malformed")),
        (
            format!(r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{ORIGIN}","crossOrigin":true}}"#),
            Some("origin"),
        ),
        (
            format!(
                r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{ORIGIN}","topOrigin":"{ORIGIN}"}}"#
            ),
            Some("origin"),
        ),
    ] {
        let response = with(&response, "clientDataJSON", URL_SAFE_NO_PAD.encode(&text));
        let outcome = Registration::parse(&response).and_then(|one| one.verify(&party(), CHALLENGE));
        let word = outcome.err().map(|error| if error == WebauthnError::Origin { "origin" } else { "malformed" });
        assert_eq!(word, expected, "{text}");
    }
}

#[test]
fn an_attestation_that_is_cut_or_has_more_behind_it_is_refused() {
    let response = authenticator().register(&creation_options());
    let attestation = member(&response, "attestationObject");
    let verify = |bytes: &[u8]| {
        let response = with(&response, "attestationObject", URL_SAFE_NO_PAD.encode(bytes));
        Registration::parse(&response).and_then(|one| one.verify(&party(), CHALLENGE))
    };
    verify(&attestation).unwrap();
    for length in 0..attestation.len() {
        assert!(verify(&attestation[..length]).is_err(), "{length}");
    }
    assert!(verify(&[&attestation[..], &[0]].concat()).is_err());
}

#[test]
fn authenticator_data_with_impossible_flags_or_more_behind_it_is_refused() {
    let mut authenticator = authenticator();
    let credential = Registration::parse(&authenticator.register(&creation_options())).unwrap();
    let credential = credential.verify(&party(), CHALLENGE).unwrap();
    let response = authenticator.sign_in(&request_options());
    let data = member(&response, "authenticatorData");
    let verify = |data: &[u8]| {
        let response = with(&response, "authenticatorData", URL_SAFE_NO_PAD.encode(data));
        Assertion::parse(&response).and_then(|one| one.verify(&party(), CHALLENGE, &registered(&credential)))
    };
    verify(&data).unwrap();
    for flags in [0x15, 0x45, 0x85, 0xc5] {
        let mut altered = data.clone();
        altered[32] = flags;
        assert!(matches!(verify(&altered), Err(WebauthnError::Malformed(_))), "{flags:x}");
    }
    for length in 0..data.len() {
        assert!(verify(&data[..length]).is_err(), "{length}");
    }
    assert!(matches!(verify(&[&data[..], &[0]].concat()), Err(WebauthnError::Malformed(_))));
    // A signed bit that nothing else checks.
    let mut altered = data;
    altered[32] ^= 0x20;
    assert_eq!(verify(&altered), Err(WebauthnError::Signature));
}

#[test]
fn keys_that_are_none_or_of_another_kind_are_refused() {
    let mut authenticator = authenticator();
    let response = authenticator.register(&creation_options());
    let (attestation, key) = (member(&response, "attestationObject"), authenticator.public_key());
    let (head, data) = attestation.split_at(attestation.len() - key.len());
    assert_eq!(data, key);
    let verify = |key: &[u8]| {
        // The length of the authenticator data is two bytes before it, whose key is its last part.
        let mut bytes = head.to_vec();
        let at = bytes.windows(9).position(|bytes| bytes == b"\x68authData").unwrap() + 10;
        let length = u16::try_from(head.len() - at - 2 + key.len()).unwrap();
        bytes[at..at + 2].copy_from_slice(&length.to_be_bytes());
        let response = with(&response, "attestationObject", URL_SAFE_NO_PAD.encode([&bytes, key].concat()));
        Registration::parse(&response).and_then(|one| one.verify(&party(), CHALLENGE)).err()
    };
    assert_eq!(verify(&key), None);
    let unsupported = Some(WebauthnError::UnsupportedKey);
    let mut off_the_curve = key.clone();
    off_the_curve[12] ^= 1;
    assert_eq!(verify(&off_the_curve), unsupported);
    for (at, value) in [(2, 1), (4, 0x27), (6, 6)] {
        let mut altered = key.clone();
        altered[at] = value;
        assert_eq!(verify(&altered), unsupported, "{at}");
    }
    let repeated = [&[0xa6][..], &key[1..], &[3, 0x26]].concat();
    assert_eq!(verify(&repeated), unsupported);
    let rsa = |n: &[u8], e: &[u8]| {
        let length = u16::try_from(n.len()).unwrap().to_be_bytes();
        let exponent = [&[0x21, 0x40 | u8::try_from(e.len()).unwrap()], e].concat();
        [&[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59][..], &length, n, &exponent].concat()
    };
    assert_eq!(verify(&rsa(&[0xff; 256], &[1, 0, 1])), None);
    for (n, e) in [
        (vec![0xff; 255], vec![1, 0, 1]),
        (vec![0xff; 513], vec![1, 0, 1]),
        (vec![0xfe; 256], vec![1, 0, 1]),
        (vec![0xff; 256], vec![1]),
        (vec![0xff; 256], vec![2]),
        (vec![0xff; 256], vec![]),
        ([vec![0], vec![0xff; 256]].concat(), vec![1, 0, 1]),
        (vec![0xff; 256], vec![1, 0, 0, 0, 1]),
    ] {
        assert_eq!(verify(&rsa(&n, &e)), unsupported, "{} {e:?}", n.len());
    }
    assert!(verify(&[0xa0]).is_some() && verify(&[0x80]).is_some());
}

#[test]
fn identifiers_beyond_the_limit_of_the_standard_are_refused() {
    let mut authenticator = authenticator();
    for (length, is_accepted) in [(1, true), (1023, true), (1024, false), (0, false)] {
        authenticator.id = vec![7; length];
        let outcome = Registration::parse(&authenticator.register(&creation_options()))
            .and_then(|registration| registration.verify(&party(), CHALLENGE));
        assert_eq!(outcome.is_ok(), is_accepted, "{length}");
        let long = Assertion::parse(&authenticator.sign_in(&request_options())).is_ok();
        assert_eq!(long, length <= 1023, "{length}");
    }
}

proptest! {
    #[test]
    fn no_altered_byte_makes_a_verification_panic_or_a_wrong_answer_right(at in 0_usize..400, bit in 0_u32..8) {
        let mut authenticator = authenticator();
        let registration = authenticator.register(&creation_options());
        let credential = Registration::parse(&registration).unwrap().verify(&party(), CHALLENGE).unwrap();
        let mut attestation = member(&registration, "attestationObject");
        let index = at % attestation.len();
        attestation[index] ^= 1 << bit;
        let altered = with(&registration, "attestationObject", URL_SAFE_NO_PAD.encode(&attestation));
        let _ = Registration::parse(&altered).and_then(|one| one.verify(&party(), CHALLENGE));
        let assertion = authenticator.sign_in(&request_options());
        for name in ["authenticatorData", "signature", "clientDataJSON"] {
            let mut bytes = member(&assertion, name);
            let index = at % bytes.len();
            bytes[index] ^= 1 << bit;
            let altered = with(&assertion, name, URL_SAFE_NO_PAD.encode(&bytes));
            let outcome = Assertion::parse(&altered)
                .and_then(|one| one.verify(&party(), CHALLENGE, &registered(&credential)));
            prop_assert!(outcome.is_err(), "{name} {index} {bit}");
        }
    }
}
