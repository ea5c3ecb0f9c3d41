//! Requests to the provider, and the values that are read from its answers.

use auth::{IdentityProvider as _, OpenIdFlow};
use kernel::Timestamp;
use novantra_openid::ProviderSettings;
use serde_json::{Value, json};
use url::Url;

use crate::fake_provider::{CLIENT, CODE, FakeProvider, Pair, REDIRECT};

fn query(url: &str) -> Vec<(String, String)> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn the_browser_is_sent_to_the_provider_with_state_nonce_and_the_hash_of_the_verifier() {
    let provider = FakeProvider::start().await;
    let flow = provider.flow();
    let url = provider.client().authorization_url(&flow).await.unwrap();
    assert!(url.starts_with(&format!("{}/authorize?tenant=7&", provider.issuer)), "{url}");
    // The challenge is that of RFC 7636, appendix B.
    let expected = [
        ("tenant", "7"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "openid email groups"),
        ("state", &*flow.state),
        ("nonce", &*flow.nonce),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    assert_eq!(query(&url), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(!url.contains(&flow.verifier));
}

#[tokio::test]
async fn authentication_classes_and_a_new_proof_are_asked_for() {
    let provider = FakeProvider::start().await;
    let classes = vec!["gold".to_owned(), "silver".to_owned()];
    let client = provider.client_with(ProviderSettings { acr_values: classes, ..provider.settings() });
    let url = client.authorization_url(&OpenIdFlow { is_again: true, ..provider.flow() }).await.unwrap();
    let expected = [("acr_values", "gold silver"), ("prompt", "login"), ("max_age", "0")];
    let found: Vec<_> = query(&url).split_off(9);
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_code_is_redeemed_with_the_verifier_and_the_credentials_of_the_client() {
    let provider = FakeProvider::start().await;
    let person = provider.client().redeem(CODE, Some(&provider.issuer), &provider.flow()).await.unwrap();
    assert_eq!((&*person.issuer, &*person.subject), (&*provider.issuer, "248289761001"));
    assert_eq!((person.email.as_deref(), person.is_email_verified), (Some("m@b.example"), true));
    assert_eq!(person.groups, ["staff"]);
    provider.edit(|script| {
        let form = [
            ("code", CODE),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT),
        ];
        assert_eq!(script.form, form.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        // "novantra:se+cret": both are encoded as in a form first.
        assert_eq!(script.authorization.as_deref(), Some("Basic bm92YW50cmE6c2UrY3JldA=="));
    });
    assert_eq!(provider.asked("user info"), 0, "the ID token has all that is needed");
}

#[tokio::test]
async fn the_secret_is_sent_as_the_provider_wants_it_and_a_public_client_has_none() {
    let provider = FakeProvider::start().await;
    provider.edit(|script| script.metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
    let credentials = |form: &std::collections::BTreeMap<String, String>| {
        (form.get("client_id").cloned(), form.get("client_secret").cloned())
    };
    provider.client().redeem(CODE, None, &provider.flow()).await.unwrap();
    provider.edit(|script| {
        assert_eq!(credentials(&script.form), (Some(CLIENT.to_owned()), Some("se cret".to_owned())));
        assert_eq!(script.authorization, None);
    });
    let public = provider.client_with(ProviderSettings { client_secret: None, ..provider.settings() });
    public.redeem(CODE, None, &provider.flow()).await.unwrap();
    provider.edit(|script| {
        assert_eq!(credentials(&script.form), (Some(CLIENT.to_owned()), None));
        assert_eq!(script.authorization, None);
    });
}

#[tokio::test]
async fn what_the_id_token_lacks_is_read_from_the_user_info() {
    let provider = FakeProvider::start().await;
    provider.edit(|script| script.claims = json!({ "email": null, "email_verified": null, "groups": null }));
    let person = provider.client().redeem(CODE, None, &provider.flow()).await.unwrap();
    assert_eq!((person.email.as_deref(), person.is_email_verified), (Some("m@b.example"), true));
    assert_eq!(person.groups, ["a"]);
}

#[tokio::test]
async fn methods_classes_and_the_time_of_the_proof_are_read_from_the_id_token() {
    let provider = FakeProvider::start().await;
    provider.edit(|script| {
        script.claims = json!({ "amr": ["pwd", "otp"], "acr": "gold", "auth_time": 1_700_000_000, "name": "Morgan" });
    });
    let person = provider.client().redeem(CODE, None, &provider.flow()).await.unwrap();
    assert_eq!((person.amr, person.acr.as_deref()), (vec!["pwd".to_owned(), "otp".to_owned()], Some("gold")));
    assert_eq!(person.authenticated_at, Some(Timestamp::from_millis(1_700_000_000_000)));
    assert_eq!(person.name.as_deref(), Some("Morgan"));
}

#[tokio::test]
async fn tokens_are_accepted_with_each_kind_of_key_among_others_that_do_not_fit() {
    let provider = FakeProvider::start().await;
    for pair in [Pair::ed25519(), Pair::p256()] {
        provider.edit(|script| {
            let encryption = json!({ "kty": "EC", "crv": "P-256", "use": "enc", "kid": "one", "x": "AA", "y": "AA" });
            let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "one", "pub": "AA" });
            let secret = json!({ "kty": "oct", "kid": "one", "k": "AA" });
            script.keys =
                json!({ "keys": [encryption, unknown, secret, 7, Pair::ed25519().jwk("two"), pair.jwk("one")] });
            script.pair = pair;
        });
        provider.client().redeem(CODE, None, &provider.flow()).await.unwrap();
        provider.edit(|script| script.header = json!({ "kid": null }));
        provider.client().redeem(CODE, None, &provider.flow()).await.unwrap();
        provider.edit(|script| script.header = Value::Object(Default::default()));
    }
}

#[tokio::test]
async fn metadata_and_keys_are_read_once_for_many_sign_ins_and_the_probe_reads_both() {
    let provider = FakeProvider::start().await;
    let client = provider.client();
    client.probe().await.unwrap();
    for _ in 0..5 {
        client.authorization_url(&provider.flow()).await.unwrap();
        client.redeem(CODE, None, &provider.flow()).await.unwrap();
    }
    assert_eq!((provider.asked("metadata"), provider.asked("keys"), provider.asked("token")), (1, 1, 5));
}
