//! The test vectors of Web Authentication Level 3, § 16, which `data/vectors.json` repeats.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use novantra_webauthn::{Assertion, Registration, RelyingParty, VerifiedAssertion, WebauthnError};
use serde_json::{Value, json};

use crate::registered;

fn bytes(vector: &Value, name: &str) -> Vec<u8> {
    let text = vector[name].as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn base64(vector: &Value, name: &str) -> String {
    URL_SAFE_NO_PAD.encode(bytes(vector, name))
}

fn verify(vector: &Value) -> Result<VerifiedAssertion, WebauthnError> {
    let party = RelyingParty::at("https://example.org").unwrap();
    let response = json!({
        "clientDataJSON": base64(vector, "registration_client_data"),
        "attestationObject": base64(vector, "attestation"),
    });
    let registration = Registration::parse(&json!({ "response": response }).to_string())?;
    let credential = registration.verify(&party, &bytes(vector, "registration_challenge"))?;
    assert_eq!(credential.id, bytes(vector, "credential_id"), "{}", vector["name"]);
    let response = json!({
        "clientDataJSON": base64(vector, "assertion_client_data"),
        "authenticatorData": base64(vector, "authenticator_data"),
        "signature": base64(vector, "signature"),
    });
    let assertion =
        Assertion::parse(&json!({ "id": base64(vector, "credential_id"), "response": response }).to_string())?;
    let verified = assertion.verify(&party, &bytes(vector, "assertion_challenge"), &registered(&credential))?;
    let mut altered = credential;
    let last = altered.public_key.len() - 1;
    altered.public_key[last] ^= 1;
    let refused = assertion.verify(&party, &bytes(vector, "assertion_challenge"), &registered(&altered));
    assert!(matches!(refused, Err(WebauthnError::Signature | WebauthnError::UnsupportedKey)), "{refused:?}");
    Ok(verified)
}

#[test]
fn the_vectors_of_the_standard_are_accepted_but_for_other_keys_and_embedded_pages() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/vectors.json")).unwrap();
    let mut accepted = 0;
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let expected = match name {
            name if name.contains("Origin\"") => Some(WebauthnError::Origin),
            name if ["ES384", "ES512", "Ed448"].iter().any(|other| name.contains(other)) => {
                Some(WebauthnError::UnsupportedKey)
            }
            _ => None,
        };
        let outcome = verify(vector);
        assert_eq!(outcome.err(), expected, "{name}");
        accepted += usize::from(expected.is_none());
    }
    assert_eq!((accepted, vectors.len()), (10, 15));
}
