//! The discovery document, the key set, and when keys are shown.

use std::time::Duration;

use oauth::{JwksKey, KeySchedule, KeyUse, discovery_document, jwks_document};
use serde_json::json;

use crate::support::{CATALOGUE, ISSUER, at};

#[test]
fn the_document_names_the_endpoints_below_the_issuer() {
    let document = discovery_document(ISSUER, &CATALOGUE, true);
    for (name, path) in
        [("authorization", "authorize"), ("token", "token"), ("revocation", "revoke"), ("userinfo", "userinfo")]
    {
        assert_eq!(document[format!("{name}_endpoint")], format!("{ISSUER}/oauth/{path}"));
    }
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["jwks_uri"], format!("{ISSUER}/oauth/jwks"));
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["response_modes_supported"], json!(["query"]));
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    let methods = json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
    assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
    assert_eq!(document["grant_types_supported"], json!(["client_credentials", "authorization_code", "refresh_token"]));
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256", "EdDSA"]));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    for name in ["request_parameter", "request_uri_parameter", "claims_parameter"] {
        assert_eq!(document[format!("{name}_supported")], false);
    }
    assert_eq!(document["scopes_supported"].as_array().unwrap().len(), 8);
}

#[test]
fn without_people_the_document_lists_client_credentials_only() {
    let document = discovery_document(ISSUER, &CATALOGUE, false);
    assert_eq!(document["grant_types_supported"], json!(["client_credentials"]));
    assert!(document.get("authorization_endpoint").is_none() && document.get("userinfo_endpoint").is_none());
}

#[test]
fn the_key_set_has_public_members_only() {
    let ed = JwksKey::Ed25519 { kid: "1".to_owned(), x: "X".to_owned() };
    let rsa = JwksKey::Rsa { kid: "2".to_owned(), n: "N".to_owned(), e: "AQAB".to_owned() };
    let expected = json!({ "keys": [
        { "kid": "1", "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": "X" },
        { "kid": "2", "kty": "RSA", "alg": "RS256", "use": "sig", "n": "N", "e": "AQAB" },
    ] });
    assert_eq!(jwks_document(&[ed, rsa]), expected);
}

#[test]
fn a_key_is_shown_one_lifetime_before_it_signs_and_as_long_after() {
    let lifetime = Duration::from_secs(900);
    assert_eq!(KeySchedule::next(at(0), lifetime), KeySchedule { signs_from: at(900), signs_until: None });
    let key = KeySchedule { signs_from: at(1000), signs_until: Some(at(5000)) };
    for (second, expected) in [
        (99, KeyUse::Hidden),
        (100, KeyUse::Published),
        (999, KeyUse::Published),
        (1000, KeyUse::Signing),
        (4999, KeyUse::Signing),
        (5000, KeyUse::Published),
        (5899, KeyUse::Published),
        (5900, KeyUse::Hidden),
    ] {
        assert_eq!(key.at(at(second), lifetime), expected, "{second}");
    }
    assert_eq!(KeySchedule { signs_until: None, ..key }.at(at(1_000_000), lifetime), KeyUse::Signing);
}
