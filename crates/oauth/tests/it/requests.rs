//! Requests of the token and revocation endpoints.

use oauth::{CodeVerifier, OAuthErrorCode, Parameters, RevocationRequest, TokenRequest};
use secrecy::ExposeSecret as _;

use crate::support::{CALLBACK, CATALOGUE, RESOURCE, VERIFIER, code_of, form};

const BASE: [(&str, &str); 4] =
    [("grant_type", "authorization_code"), ("code", "c"), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];

fn read(changes: &[(&str, &str)]) -> Result<TokenRequest, oauth::OAuthError> {
    TokenRequest::read(&form(&BASE, changes), &CATALOGUE, RESOURCE)
}

#[test]
fn the_three_grants_are_read() {
    let request = read(&[("resource", RESOURCE), ("unknown", "x")]).unwrap();
    assert!(!format!("{request:?}").contains(VERIFIER));
    assert!(matches!(&request, TokenRequest::AuthorizationCode { code, redirect_uri, .. }
        if code.expose_secret() == "c" && redirect_uri == CALLBACK));
    let request = read(&[("grant_type", "client_credentials"), ("scope", "compute")]).unwrap();
    assert!(matches!(request, TokenRequest::ClientCredentials { scopes: Some(scopes) } if scopes.contains("compute")));
    let request = read(&[("grant_type", "refresh_token"), ("refresh_token", "r")]).unwrap();
    assert!(matches!(request, TokenRequest::RefreshToken { token, scopes: None } if token.expose_secret() == "r"));
}

#[test]
fn each_fault_of_a_token_request_has_its_error() {
    use OAuthErrorCode::*;
    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"] {
        assert_eq!(code_of(read(&[("grant_type", grant)])), Some(UnsupportedGrantType));
    }
    for name in ["grant_type", "code", "redirect_uri", "code_verifier"] {
        assert_eq!(code_of(read(&[(name, "")])), Some(InvalidRequest), "{name}");
    }
    assert_eq!(code_of(read(&[("grant_type", "refresh_token")])), Some(InvalidRequest));
    assert_eq!(code_of(read(&[("grant_type", "client_credentials"), ("scope", "x")])), Some(InvalidScope));
    assert_eq!(code_of(read(&[("resource", "https://other.example")])), Some(InvalidTarget));
    assert_eq!(code_of(read(&[("code", "a"), ("code", "b")])), Some(InvalidRequest));
}

#[test]
fn a_verifier_has_43_to_128_unreserved_characters() {
    for (text, accepted) in [
        ("a".repeat(42), false),
        ("a".repeat(43), true),
        ("-._~".repeat(32), true),
        ("a".repeat(129), false),
        ("+".repeat(43), false),
    ] {
        assert_eq!(CodeVerifier::parse(&text).is_ok(), accepted, "{text}");
    }
}

#[test]
fn a_revocation_needs_one_token() {
    let read = |text: &str| RevocationRequest::read(&Parameters::parse(text.as_bytes()));
    assert_eq!(read("token=t&token_type_hint=x").unwrap().token.expose_secret(), "t");
    assert!(read("token=").is_err() && read("token=t&token=t").is_err());
    assert_eq!(format!("{:?}", Parameters::parse(b"token=secret")), "{\"token\"}");
}
