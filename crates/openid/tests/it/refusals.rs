//! Answers of a provider that are refused.

use auth::{IdTokenFault, IdentityProvider as _, OpenIdRefusal, ProviderPerson};
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use crate::fake_provider::{ACCESS_TOKEN, CODE, FakeProvider, Pair, signed};

async fn redeem(provider: &FakeProvider) -> Result<ProviderPerson, OpenIdRefusal> {
    provider.client().redeem(CODE, None, &provider.flow()).await
}

fn fault(fault: IdTokenFault) -> Result<ProviderPerson, OpenIdRefusal> {
    Err(OpenIdRefusal::IdToken(fault))
}

#[tokio::test]
async fn each_claim_that_does_not_fit_is_refused() {
    let provider = FakeProvider::start().await;
    let now = kernel::Clock::now(&*provider.clock).seconds();
    for (claims, expected) in [
        (json!({ "iss": "https://evil.example" }), IdTokenFault::Issuer),
        (json!({ "iss": null }), IdTokenFault::Malformed),
        (json!({ "aud": "another" }), IdTokenFault::Audience),
        (json!({ "aud": ["novantra", "another"] }), IdTokenFault::AuthorizedParty),
        (json!({ "aud": ["novantra", "another"], "azp": "another" }), IdTokenFault::AuthorizedParty),
        (json!({ "azp": "another" }), IdTokenFault::AuthorizedParty),
        (json!({ "exp": now - 61 }), IdTokenFault::Expired),
        (json!({ "exp": null }), IdTokenFault::Malformed),
        (json!({ "iat": now + 120 }), IdTokenFault::IssuedAt),
        (json!({ "iat": now - 3600 }), IdTokenFault::IssuedAt),
        (json!({ "nbf": now + 120 }), IdTokenFault::NotYetValid),
        (json!({ "nonce": "another" }), IdTokenFault::Nonce),
        (json!({ "nonce": null }), IdTokenFault::Nonce),
        (json!({ "sub": "" }), IdTokenFault::Subject),
        (json!({ "at_hash": "another" }), IdTokenFault::AccessTokenHash),
        (json!({ "at_hash": "" }), IdTokenFault::AccessTokenHash),
        (json!({ "at_hash": 7 }), IdTokenFault::AccessTokenHash),
    ] {
        provider.edit(|script| script.claims = claims.clone());
        assert_eq!(redeem(&provider).await, fault(expected), "{claims}");
    }
    let hash = Sha512::digest(ACCESS_TOKEN);
    provider.edit(|script| script.claims = json!({ "at_hash": URL_SAFE_NO_PAD.encode(&hash[..32]) }));
    assert!(redeem(&provider).await.is_ok());
}

#[tokio::test]
async fn each_token_without_the_signature_of_a_published_key_is_refused() {
    let provider = FakeProvider::start().await;
    for (header, expected) in [
        (json!({ "alg": "none" }), IdTokenFault::Algorithm),
        (json!({ "alg": "None" }), IdTokenFault::Algorithm),
        (json!({ "alg": "HS256" }), IdTokenFault::Algorithm),
        (json!({ "alg": "RSA-OAEP" }), IdTokenFault::Algorithm),
        (json!({ "alg": "ES256K" }), IdTokenFault::Algorithm),
        (json!({ "alg": null }), IdTokenFault::Malformed),
        (json!({ "alg": "RS256" }), IdTokenFault::UnknownKey),
        (json!({ "alg": "ES256" }), IdTokenFault::UnknownKey),
        (json!({ "kid": "two" }), IdTokenFault::UnknownKey),
        (json!({ "crit": ["exp"] }), IdTokenFault::Malformed),
    ] {
        provider.edit(|script| script.header = header.clone());
        assert_eq!(redeem(&provider).await, fault(expected), "{header}");
    }
    provider.edit(|script| {
        script.header = json!({});
        script.pair = Pair::ed25519();
    });
    assert_eq!(redeem(&provider).await, fault(IdTokenFault::Signature), "another key with the same identifier");
}

#[tokio::test]
async fn texts_that_are_no_token_are_refused() {
    let provider = FakeProvider::start().await;
    let whole = signed(&Pair::ed25519(), &json!({ "alg": "EdDSA", "kid": "one" }), &json!({}));
    let unsigned = format!("{}.", whole.rsplit_once('.').unwrap().0);
    for (token, expected) in [
        (String::new(), IdTokenFault::Malformed),
        ("a.b".to_owned(), IdTokenFault::Malformed),
        ("a.b.c".to_owned(), IdTokenFault::Malformed),
        ("a.b.c.d.e".to_owned(), IdTokenFault::Malformed),
        (format!("{}.{}.c", URL_SAFE_NO_PAD.encode("[]"), URL_SAFE_NO_PAD.encode("{}")), IdTokenFault::Malformed),
        (format!("{whole}{}", "x".repeat(200_000)), IdTokenFault::Malformed),
        (unsigned, IdTokenFault::Signature),
        (whole, IdTokenFault::Signature),
    ] {
        provider.edit(|script| script.token = Some(token.clone()));
        let shown: String = token.chars().take(60).collect();
        assert_eq!(redeem(&provider).await, fault(expected), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_new_is_looked_for_at_most_once_a_minute() {
    let provider = FakeProvider::start().await;
    let client = provider.client();
    client.redeem(CODE, None, &provider.flow()).await.unwrap();
    let next = Pair::p256();
    provider.edit(|script| {
        script.keys = json!({ "keys": [next.jwk("next")] });
        script.header = json!({ "kid": "next" });
        script.pair = next;
    });
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    client.redeem(CODE, None, &provider.flow()).await.unwrap();
    assert_eq!(provider.asked("keys"), 2);
    provider.edit(|script| script.header = json!({ "kid": "made up" }));
    for _ in 0..20 {
        assert_eq!(client.redeem(CODE, None, &provider.flow()).await, fault(IdTokenFault::UnknownKey));
    }
    assert_eq!(provider.asked("keys"), 2);
}

#[tokio::test]
async fn errors_of_the_token_endpoint_are_distinguished_from_a_provider_that_is_away() {
    let provider = FakeProvider::start().await;
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_grant","error_description":"the code was used"}"#, OpenIdRefusal::CodeRefused),
        (401, r#"{"error":"invalid_client"}"#, OpenIdRefusal::CodeRefused),
        (400, "{}", OpenIdRefusal::CodeRefused),
        (400, "<html>", OpenIdRefusal::ProviderUnavailable),
        (429, "{}", OpenIdRefusal::ProviderUnavailable),
        (503, "{}", OpenIdRefusal::ProviderUnavailable),
        (200, "{}", OpenIdRefusal::ProviderUnavailable),
        (200, r#"{"id_token":7}"#, OpenIdRefusal::ProviderUnavailable),
        (200, "no JSON", OpenIdRefusal::ProviderUnavailable),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        provider.edit(|script| script.token_answer = Some((status, body)));
        assert_eq!(redeem(&provider).await, Err(expected), "{status} {body}");
    }
}

#[tokio::test]
async fn redirects_large_answers_and_broken_metadata_are_refused() {
    let provider = FakeProvider::start().await;
    let unavailable = Err(OpenIdRefusal::ProviderUnavailable);
    let elsewhere = provider.issuer.clone();
    provider.edit(|script| {
        script.answer = Some(Box::new(move || Redirect::temporary(&format!("{elsewhere}/keys")).into_response()));
    });
    assert_eq!(redeem(&provider).await, unavailable);
    assert_eq!(provider.asked("keys"), 0, "the redirect is not followed");
    let problem = provider.client().probe().await.unwrap_err().to_string();
    assert!(problem.contains("answered with the status 307"), "{problem}");
    provider.edit(|script| {
        let answer = || ([(header::CONTENT_TYPE, "application/json")], format!("\"{}\"", "x".repeat(600_000)));
        script.answer = Some(Box::new(move || answer().into_response()));
    });
    let problem = provider.client().probe().await.unwrap_err().to_string();
    assert!(problem.contains("larger than 512 KiB"), "{problem}");
    provider.edit(|script| script.answer = None);
    for (member, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", Value::Null),
        ("jwks_uri", json!("http://login.example.org/keys")),
    ] {
        let before = provider.edit(|script| std::mem::replace(&mut script.metadata[member], value));
        assert_eq!(redeem(&provider).await, unavailable, "{member}");
        provider.edit(|script| script.metadata[member] = before);
    }
    provider.edit(|script| script.keys = json!({ "keys": "none" }));
    assert_eq!(redeem(&provider).await, unavailable);
}

#[tokio::test]
async fn an_issuer_that_the_answer_must_name_is_required() {
    let provider = FakeProvider::start().await;
    let flow = provider.flow();
    let redeem = async |issuer| provider.client().redeem(CODE, issuer, &flow).await;
    assert!(redeem(None).await.is_ok());
    assert_eq!(redeem(Some("https://evil.example")).await, Err(OpenIdRefusal::MalformedAnswer));
    provider.edit(|script| script.metadata["authorization_response_iss_parameter_supported"] = json!(true));
    assert_eq!(redeem(None).await, Err(OpenIdRefusal::MalformedAnswer));
    assert!(redeem(Some(&provider.issuer)).await.is_ok());
}

#[tokio::test]
async fn user_info_about_another_person_is_refused() {
    let provider = FakeProvider::start().await;
    provider.edit(|script| {
        script.claims = json!({ "groups": null });
        script.user_info["sub"] = json!("another");
    });
    assert_eq!(redeem(&provider).await, Err(OpenIdRefusal::ProviderUnavailable));
    provider.edit(|script| script.metadata["userinfo_endpoint"] = Value::Null);
    assert_eq!(redeem(&provider).await.unwrap().groups, [""; 0]);
}

#[tokio::test]
async fn a_provider_that_is_away_is_not_asked_by_every_sign_in() {
    let provider = FakeProvider::start().await;
    provider.edit(|script| script.answer = Some(Box::new(|| StatusCode::BAD_GATEWAY.into_response())));
    let client = provider.client();
    for _ in 0..20 {
        let refused = client.authorization_url(&provider.flow()).await;
        assert_eq!(refused, Err(OpenIdRefusal::ProviderUnavailable));
    }
    assert_eq!(provider.asked("metadata"), 1);
}
