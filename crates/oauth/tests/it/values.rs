//! Scopes, errors, claims and the forms of secrets.

use kernel::{Entropy, Id, Timestamp, Ulid};
use oauth::{
    AuthorizationCode, IdTokenAlgorithm, OAuthError, OAuthErrorCode, PersonProfile, RefreshToken, ScopeNames, at_hash,
    userinfo_claims,
};
use serde_json::json;

use crate::support::{CATALOGUE, Counter, ORGANIZATION, at};

struct Ascending;

impl Entropy for Ascending {
    fn fill(&self, buffer: &mut [u8]) {
        (0..).zip(buffer).for_each(|(value, byte)| *byte = value);
    }

    fn ulid(&self, _: Timestamp) -> Ulid {
        Ulid::nil()
    }
}

fn scopes(text: &str) -> ScopeNames {
    ScopeNames::parse(text, &CATALOGUE).unwrap()
}

#[test]
fn tokens_have_the_body_of_the_contracts_vectors_and_are_checked() {
    let token = RefreshToken::generate(&Ascending);
    assert!(token.expose().starts_with("nsr_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf"));
    let zero = RefreshToken::generate(&Counter::default());
    assert!(zero.expose().starts_with(&format!("nsr_{}", "0".repeat(43))) && zero.expose().len() == 53);
    assert_eq!(RefreshToken::parse(token.expose()).unwrap().hash(), token.hash());
    assert_ne!(zero.hash(), token.hash());
    for bad in ["", "nsr_", &token.expose()[1..], &token.expose().replace('3', "4"), &format!("{}0", token.expose())] {
        assert!(RefreshToken::parse(bad).is_none(), "{bad}");
    }
    assert!(AuthorizationCode::parse(token.expose()).is_none());
    let code = AuthorizationCode::generate(&Ascending);
    assert_eq!(AuthorizationCode::parse(code.expose()).unwrap().hash(), code.hash());
    assert!(!format!("{token:?} {code:?}").contains("003aUl"));
}

#[test]
fn an_area_covers_its_finer_scopes_and_the_finer_one_is_granted() {
    assert!(scopes("compute").covers_all(&scopes("compute:read compute")));
    assert!(!scopes("compute:read").covers("compute") && !scopes("compute:read").covers("compute:write"));
    let granted = |asked: &str, registered: &str, held: &str, identity| {
        scopes(asked).granted(&scopes(registered), &scopes(held), identity).map(|granted| granted.to_string())
    };
    assert_eq!(granted("compute", "compute", "compute:read data:query", false), Ok("compute:read".to_owned()));
    assert_eq!(granted("compute:read openid", "compute", "compute", true), Ok("compute:read openid".to_owned()));
    assert_eq!(granted("openid compute", "compute openid", "compute openid", false), Ok("compute".to_owned()));
    assert_eq!(granted("data:query", "compute", "data:query", true).unwrap_err().code, OAuthErrorCode::InvalidScope);
    assert_eq!(scopes(" openid  compute ").to_string(), "compute openid");
    assert_eq!(format!("{:?}", scopes("openid")), "{openid}");
    assert!(scopes("").is_empty() && !scopes("openid").is_empty());
}

#[test]
fn an_error_has_the_fields_of_both_formats() {
    let error = OAuthError::invalid_client();
    assert_eq!((error.status(), error.challenge()), (401, Some("Basic realm=\"v2\"")));
    assert_eq!(
        error.body("req_1"),
        json!({
            "error": "invalid_client", "error_description": "client authentication failed",
            "error_code": "unauthorized", "message": "client authentication failed", "request_id": "req_1",
        })
    );
    let error = OAuthError::invalid_grant();
    assert_eq!((error.status(), error.challenge(), error.code.name()), (400, None, "invalid_grant"));
    assert_eq!(error.body("r")["error_code"], "invalid_request");
    assert_eq!(OAuthError::new(OAuthErrorCode::InvalidScope, "a \"b\" \\ é\n").description, "a 'b' ? ??");
    assert_eq!(OAuthError::new(OAuthErrorCode::InvalidScope, " !#[]~").to_string(), "invalid_scope:  !#[]~");
}

#[test]
fn the_hash_of_an_access_token_is_the_left_half_of_the_algorithms_hash() {
    let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert_eq!(at_hash(token, IdTokenAlgorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(token, IdTokenAlgorithm::EdDsa).len(), 43);
}

#[test]
fn userinfo_has_the_claims_of_the_scopes() {
    let person = PersonProfile {
        user: Id::new(Ulid(3)),
        organization: ORGANIZATION,
        name: "Ada".to_owned(),
        email: "a@b.example".to_owned(),
        email_verified: true,
        updated_at: at(0),
    };
    let ids = json!({ "sub": person.user.to_string(), "org": ORGANIZATION.to_string() });
    assert_eq!(userinfo_claims(&person, &scopes("openid")), Ok(ids));
    let all = userinfo_claims(&person, &scopes("openid profile email")).unwrap();
    assert_eq!((&all["name"], &all["preferred_username"]), (&json!("Ada"), &json!("a@b.example")));
    assert_eq!(
        (&all["email"], &all["email_verified"], &all["updated_at"]),
        (&json!("a@b.example"), &json!(true), &json!(1_700_000_000))
    );
    assert!(userinfo_claims(&person, &scopes("profile")).is_err());
}
