//! The token endpoint.

use std::time::Duration;

use auth::{ClientSecret, ServiceAccount, TokenLifetime};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_api::{ApiSettings, Quotas};
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Client, TestApi, TestRequest, TestResponse, findings_path};

const PATH: &str = "/api/v1/auth/token";
const FORM: &str = "application/x-www-form-urlencoded";

fn basic_auth(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn token_request(client: &Client) -> Value {
    json!({ "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret })
}

fn request_with(client: &Client, member: &str, value: impl Into<Value>) -> Value {
    let mut request = token_request(client);
    request[member] = value.into();
    request
}

async fn request_token(api: &TestApi, body: &Value) -> TestResponse {
    api.post(PATH).json(body).send().await
}

/// Expects this error. Every error of the endpoint must not be cached, and has the members of OAuth and of API v1.
async fn expect_error(call: TestRequest, status: u16, error: &str) -> TestResponse {
    let response = call.send().await.expect(status);
    assert_eq!(response.error_code(), error, "{}", response.message());
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(response.json()["error_description"].as_str(), Some(response.message().as_str()));
    response
}

#[tokio::test]
async fn requests_in_json_as_a_form_and_with_http_basic_all_get_a_working_token() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id(), client.secret);
    let header = basic_auth(&client.id(), &client.secret);
    for call in [
        api.post(PATH).json(&token_request(&client)),
        api.post(PATH).body_without_content_type(token_request(&client).to_string()),
        api.post(PATH).body("Application/JSON; charset=utf-8", token_request(&client).to_string()),
        api.post(PATH).body(FORM, form),
        api.post(PATH).body(FORM, "grant_type=client_credentials&scope=").header("authorization", &header),
        api.post(PATH)
            .json(&json!({ "grant_type": "client_credentials", "scope": null }))
            .header("authorization", &header),
    ] {
        let response = call.send().await.expect(200);
        assert_eq!(response.header("cache-control"), "no-store");
        let body = response.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 900);
        assert_eq!(body["scope"], "governance.controls:read governance.findings:read");
        api.get(findings_path()).bearer_auth(body["access_token"].as_str().unwrap()).send().await.expect(200);
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_in_every_form() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let mut body = token_request(&client);
    for (name, value) in [
        ("audience", json!("https://api.example")),
        ("resource", json!(["a", "b"])),
        ("clientId", json!(7)),
        ("client_assertion", Value::Null),
    ] {
        body[name] = value;
        request_token(&api, &body).await.expect(200);
    }
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&resource=a&resource=b&audience=",
        client.id(),
        client.secret
    );
    api.post(PATH).body(FORM, form).send().await.expect(200);
}

#[tokio::test]
async fn a_parameter_without_a_value_is_as_none_in_every_form() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let all = request_token(&api, &token_request(&client)).await.expect(200).json()["scope"].clone();
    for empty in ["", " ", "\n"] {
        let response = request_token(&api, &request_with(&client, "scope", empty)).await.expect(200);
        assert_eq!(response.json()["scope"], all, "{empty:?}");
        for required in ["grant_type", "client_id", "client_secret"] {
            let call = api.post(PATH).json(&request_with(&client, required, empty));
            assert!(expect_error(call, 400, "invalid_request").await.message().contains(required));
        }
    }
}

#[tokio::test]
async fn white_space_around_credentials_is_dropped_in_every_form() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let (id, secret) = (format!(" {}\n", client.id()), format!("\t{}\r\n", client.secret));
    let json = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
    request_token(&api, &json).await.expect(200);
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)])
        .finish();
    api.post(PATH).body(FORM, form).send().await.expect(200);
    let basic = api.post(PATH).body(FORM, "grant_type=client_credentials");
    basic.header("authorization", basic_auth(&client.id(), &format!("{}\n", client.secret))).send().await.expect(200);
}

#[tokio::test]
async fn basic_credentials_are_form_decoded() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let header = basic_auth(&client.id().replace('_', "%5F"), &client.secret.replace('_', "%5f"));
    let call = api.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", header);
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_token_requested_for_a_subset_of_scopes_has_only_that_subset() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    let response =
        request_token(&api, &request_with(&client, "scope", "governance.findings:read")).await.expect(200).json();
    assert_eq!(response["scope"], "governance.findings:read");
    let token = response["access_token"].as_str().unwrap();
    api.get(findings_path()).bearer_auth(token).send().await.expect(200);
    api.get("/api/v1/governance/controls").bearer_auth(token).send().await.expect(403);
}

#[tokio::test]
async fn an_unknown_scope_or_one_the_account_lacks_is_rejected_as_invalid_scope() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FindingsRead]).await;
    for scope in [
        "governance.findings:write",
        "governance.findings:read governance.findings:write",
        "nonsense",
        "governance.findings:read,x",
    ] {
        expect_error(api.post(PATH).json(&request_with(&client, "scope", scope)), 400, "invalid_scope").await;
    }
}

#[tokio::test]
async fn a_malformed_token_request_is_rejected_as_invalid_request() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let header = basic_auth(&client.id(), &client.secret);
    let text = token_request(&client).to_string();
    for call in [
        api.post(PATH),
        api.post(PATH).body("application/json", "{"),
        api.post(PATH).body("application/json", "[]"),
        api.post(PATH).body("application/json", b"\xff".to_vec()),
        api.post(PATH).json(&json!({ "client_id": client.id(), "client_secret": client.secret })),
        api.post(PATH).json(&json!({ "grant_type": "client_credentials", "client_id": client.id() })),
        api.post(PATH).json(&request_with(&client, "client_secret", 7)),
        api.post(PATH).body(FORM, "grant_type=client_credentials&grant_type=client_credentials"),
        api.post(PATH).json(&token_request(&client)).header("authorization", &header),
        api.request("POST", &format!("{PATH}?client_id={}", client.id())).body("application/json", text),
    ] {
        expect_error(call, 400, "invalid_request").await;
    }
    let message_of = async |call: TestRequest| expect_error(call, 400, "invalid_request").await.message();
    let basics = api.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", &header);
    assert!(message_of(basics.header("authorization", &header)).await.contains("Authorization header is repeated"));
    let twice = message_of(api.post(PATH).body(FORM, "client_secret=a&client_secret=b")).await;
    assert_eq!(twice, "client_secret is repeated: send it once");
    for grant in ["password", "CLIENT_CREDENTIALS", "refresh_token"] {
        expect_error(api.post(PATH).json(&request_with(&client, "grant_type", grant)), 400, "unsupported_grant_type")
            .await;
    }
}

#[tokio::test]
async fn a_body_of_another_type_or_too_large_is_rejected_with_the_error_envelope_and_no_store() {
    let api = TestApi::open().await;
    let response = api.post(PATH).body("text/plain", "x").send().await.expect(415);
    assert_eq!(response.json()["error_description"].as_str(), Some(response.message().as_str()));
    assert_eq!(
        (response.error_code().as_str(), response.header("cache-control")),
        ("unsupported_media_type", "no-store")
    );
    let response = api.post(PATH).body("application/json", vec![b' '; 1024 * 1024 + 1]).send().await.expect(413);
    assert_eq!((response.error_code().as_str(), response.header("cache-control")), ("payload_too_large", "no-store"));
}

#[tokio::test]
async fn unknown_wrong_disabled_expired_and_malformed_credentials_get_the_same_response() {
    let api = TestApi::open().await;
    let (disabled, expired, wrong) =
        (api.full_access_client().await, api.full_access_client().await, api.full_access_client().await);
    api.disable(&disabled).await;
    let end = api.fixture.now();
    api.change_account(&expired, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    let other = ClientSecret::generate(&*api.fixture.entropy).expose().to_owned();
    let unknown = api.fixture.new_id::<ServiceAccount>().to_string();
    let mut responses = Vec::new();
    for (id, secret) in [
        (unknown.as_str(), other.as_str()),
        ("svc_nonsense", &other),
        (&wrong.id(), &other),
        (&wrong.id(), "nvsec_malformed"),
        (&wrong.id().to_lowercase(), &wrong.secret),
        (&disabled.id(), &disabled.secret),
        (&expired.id(), &expired.secret),
    ] {
        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        let response = expect_error(api.post(PATH).json(&body), 401, "invalid_client").await;
        assert!(response.header("www-authenticate").starts_with("Basic "));
        responses.push(response.body_without_request_id());
    }
    responses.dedup();
    assert_eq!(responses.len(), 1, "{responses:?}");
    for header in ["Basic !!!", "Basic", "Bearer x", &format!("Basic {}", STANDARD.encode("no colon"))] {
        let call = api.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", header);
        assert_eq!(expect_error(call, 401, "invalid_client").await.body_without_request_id(), responses[0]);
    }
}

#[tokio::test]
async fn a_token_expires_no_later_than_its_account() {
    let api = TestApi::open().await;
    let end = api.fixture.now() + Duration::from_secs(100);
    let client =
        api.client_with(api.home, Scope::ALL, |account| ServiceAccount { expires_at: Some(end), ..account }).await;
    assert_eq!(api.request_token(&client).await.json()["expires_in"], 100);
    api.clock().set(end - Duration::from_millis(1));
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.clock().set(end);
    api.get(findings_path()).auth(&client).send().await.expect(401);
    api.request_token(&client).await.expect(401);
}

#[tokio::test]
async fn a_token_has_the_configured_lifetime_and_expires_on_the_second() {
    let token_lifetime = TokenLifetime::new(Duration::from_secs(60)).unwrap();
    let api = TestApi::with_settings(ApiSettings { token_lifetime, ..ApiSettings::default() }).await;
    let client = api.full_access_client().await;
    let issued = api.fixture.now();
    assert_eq!(api.request_token(&client).await.json()["expires_in"], 60);
    api.clock().set(issued + Duration::from_millis(59_999));
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.clock().set(issued + Duration::from_secs(60));
    let response = api.get(findings_path()).auth(&client).send().await.expect(401);
    assert!(response.header("www-authenticate").contains(r#"error="invalid_token""#));
    assert!(response.message().contains("expired"));
}

#[tokio::test]
async fn a_new_secret_works_at_once_the_old_one_during_the_grace_period_and_tokens_until_they_expire() {
    let api = TestApi::open().await;
    let old = api.full_access_client().await;
    let secret = ClientSecret::generate(&*api.fixture.entropy);
    let new = Client { secret: secret.expose().to_owned(), ..old.clone() };
    let rotated = api.fixture.now();
    let grace = Duration::from_secs(60);
    let hash = api.keys.hash(&secret);
    api.change_account(&old, |account| account.with_rotated_secret(hash, grace, rotated).unwrap()).await;
    api.request_token(&new).await.expect(200);
    api.clock().set(rotated + Duration::from_millis(59_999));
    api.request_token(&old).await.expect(200);
    api.clock().set(rotated + grace);
    api.request_token(&old).await.expect(401);
    api.request_token(&new).await.expect(200);
    api.get(findings_path()).bearer_auth(&old.token).send().await.expect(200);
}

async fn api_with_quotas(quotas: Quotas) -> TestApi {
    TestApi::with_settings(ApiSettings { quotas, ..ApiSettings::default() }).await
}

#[tokio::test]
async fn valid_credentials_are_limited_only_by_their_own_bucket() {
    let api = api_with_quotas(Quotas { token_endpoint: 3, ..Quotas::default() }).await;
    // The creation of each client already takes one token.
    let (one, two) = (api.full_access_client().await, api.full_access_client().await);
    api.request_token(&one).await.expect(200);
    api.request_token(&one).await.expect(200);
    let response = api.request_token(&one).await.expect(429);
    assert_eq!(response.error_code(), "rate_limited");
    assert_eq!(response.header("retry-after"), "20");
    assert_eq!(response.header("cache-control"), "no-store");
    api.request_token(&two).await.expect(200);
    api.clock().advance(Duration::from_secs(20));
    api.request_token(&one).await.expect(200);
}

#[tokio::test]
async fn failures_are_counted_by_client_id_and_address_so_an_attacker_cannot_lock_a_client_out() {
    let api = api_with_quotas(Quotas { token_endpoint: 3, token_endpoint_address: 5, ..Quotas::default() }).await;
    let client = api.full_access_client().await;
    let wrong = request_with(&client, "client_secret", ClientSecret::generate(&*api.fixture.entropy).expose());
    let fail =
        async |body: &Value, address: &str| api.post(PATH).json(body).source_address(address).send().await.status;
    let attacker = "198.51.100.1:1";
    for expected in [401, 401, 401, 429, 429] {
        assert_eq!(fail(&wrong, attacker).await, expected);
    }
    assert_eq!(fail(&wrong, "198.51.100.2:1").await, 401, "another address has its own bucket");
    assert_eq!(
        fail(&request_with(&client, "client_id", "svc_other"), attacker).await,
        401,
        "another client id has its own bucket"
    );
    let good = api.post(PATH).json(&token_request(&client)).source_address(attacker);
    good.send().await.expect(200);
}

#[tokio::test]
async fn an_address_that_fails_with_many_client_ids_is_rate_limited() {
    let api = api_with_quotas(Quotas { token_endpoint: 100, token_endpoint_address: 5, ..Quotas::default() }).await;
    let client = api.full_access_client().await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let id = api.fixture.new_id::<ServiceAccount>().to_string();
        statuses.push(request_token(&api, &request_with(&client, "client_id", id)).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn repeated_429s_of_the_token_endpoint_are_logged_once_a_minute() {
    let api = api_with_quotas(Quotas { token_endpoint: 1, ..Quotas::default() }).await;
    let client = api.full_access_client().await;
    let before = api.audit_log(api.home).await.len();
    for _ in 0..10 {
        api.request_token(&client).await.expect(429);
    }
    assert_eq!(api.audit_log(api.home).await.len() - before, 1);
}
