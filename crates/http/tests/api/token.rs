//! The token endpoint.

use std::time::Duration;

use api::{ApiSettings, Quotas};
use auth::{ClientSecret, ServiceAccount, TokenLifetime};
use base64::{Engine, engine::general_purpose::STANDARD};
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, House, findings_path};

const PATH: &str = "/api/v1/auth/token";
const FORM: &str = "application/x-www-form-urlencoded";

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn request(client: &Client) -> Value {
    json!({ "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret })
}

fn with(client: &Client, member: &str, value: impl Into<Value>) -> Value {
    let mut request = request(client);
    request[member] = value.into();
    request
}

async fn ask(house: &House, body: &Value) -> Answer {
    house.post(PATH).json(body).send().await
}

/// Every answer of the endpoint: never stored, and an error readable as OAuth has it and as v1 has it.
async fn refused(call: Call, status: u16, error: &str) -> Answer {
    let answer = call.send().await.expect(status);
    assert_eq!(answer.error(), error, "{}", answer.message());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["error_description"].as_str(), Some(answer.message().as_str()));
    answer
}

#[tokio::test]
async fn json_a_form_and_http_basic_all_get_a_token_that_works() {
    let house = House::open().await;
    let client = house.client(house.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}", client.id(), client.secret);
    let header = basic(&client.id(), &client.secret);
    for call in [
        house.post(PATH).json(&request(&client)),
        house.post(PATH).bare_body(request(&client).to_string()),
        house.post(PATH).body("Application/JSON; charset=utf-8", request(&client).to_string()),
        house.post(PATH).body(FORM, form),
        house.post(PATH).body(FORM, "grant_type=client_credentials&scope=").header("authorization", &header),
        house
            .post(PATH)
            .json(&json!({ "grant_type": "client_credentials", "scope": null }))
            .header("authorization", &header),
    ] {
        let answer = call.send().await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 900);
        assert_eq!(body["scope"], "governance.controls:read governance.findings:read");
        house.get(findings_path()).bearer(body["access_token"].as_str().unwrap()).send().await.expect(200);
    }
}

#[tokio::test]
async fn basic_credentials_are_form_decoded() {
    let house = House::open().await;
    let client = house.everyone().await;
    let header = basic(&client.id().replace('_', "%5F"), &client.secret.replace('_', "%5f"));
    let call = house.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", header);
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_subset_of_scopes_makes_a_token_for_no_more() {
    let house = House::open().await;
    let client = house.client(house.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    let answer = ask(&house, &with(&client, "scope", "governance.findings:read")).await.expect(200).json();
    assert_eq!(answer["scope"], "governance.findings:read");
    let token = answer["access_token"].as_str().unwrap();
    house.get(findings_path()).bearer(token).send().await.expect(200);
    house.get("/api/v1/governance/controls").bearer(token).send().await.expect(403);
}

#[tokio::test]
async fn a_scope_that_is_unknown_or_not_the_accounts_is_invalid_scope() {
    let house = House::open().await;
    let client = house.client(house.home, &[Scope::FindingsRead]).await;
    for scope in [
        "governance.findings:write",
        "governance.findings:read governance.findings:write",
        "nonsense",
        " ",
        "governance.findings:read,x",
    ] {
        refused(house.post(PATH).json(&with(&client, "scope", scope)), 400, "invalid_scope").await;
    }
}

#[tokio::test]
async fn what_is_no_token_request_is_invalid_request() {
    let house = House::open().await;
    let client = house.everyone().await;
    let header = basic(&client.id(), &client.secret);
    let text = request(&client).to_string();
    for call in [
        house.post(PATH),
        house.post(PATH).body("application/json", "{"),
        house.post(PATH).body("application/json", "[]"),
        house.post(PATH).body("application/json", b"\xff".to_vec()),
        house.post(PATH).json(&json!({ "client_id": client.id(), "client_secret": client.secret })),
        house.post(PATH).json(&json!({ "grant_type": "client_credentials", "client_id": client.id() })),
        house.post(PATH).json(&with(&client, "client_secret", 7)),
        house.post(PATH).json(&with(&client, "clientId", "x")),
        house.post(PATH).body(FORM, "grant_type=client_credentials&grant_type=client_credentials"),
        house.post(PATH).json(&request(&client)).header("authorization", &header),
        house.call("POST", &format!("{PATH}?client_id={}", client.id())).body("application/json", text),
    ] {
        refused(call, 400, "invalid_request").await;
    }
    let named = async |call: Call| refused(call, 400, "invalid_request").await.message();
    let unknown = named(house.post(PATH).json(&with(&client, "audience", "x"))).await;
    assert!(unknown.contains("\"audience\"") && unknown.contains("client_id"), "{unknown}");
    let basics = house.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", &header);
    assert!(named(basics.header("authorization", &header)).await.contains("Authorization header is given twice"));
    let twice = named(house.post(PATH).body(FORM, "client_secret=a&client_secret=b")).await;
    assert_eq!(twice, "client_secret is given twice");
    for grant in ["password", "", "refresh_token"] {
        refused(house.post(PATH).json(&with(&client, "grant_type", grant)), 400, "unsupported_grant_type").await;
    }
}

#[tokio::test]
async fn a_body_of_another_type_or_too_large_is_refused_in_the_envelope_and_not_stored_either() {
    let house = House::open().await;
    let answer = house.post(PATH).body("text/plain", "x").send().await.expect(415);
    assert_eq!(answer.json()["error_description"].as_str(), Some(answer.message().as_str()));
    assert_eq!((answer.error().as_str(), answer.header("cache-control")), ("unsupported_media_type", "no-store"));
    let answer = house.post(PATH).body("application/json", vec![b' '; 1024 * 1024 + 1]).send().await.expect(413);
    assert_eq!((answer.error().as_str(), answer.header("cache-control")), ("payload_too_large", "no-store"));
}

#[tokio::test]
async fn unknown_wrong_disabled_expired_and_malformed_credentials_are_answered_alike() {
    let house = House::open().await;
    let (disabled, expired, wrong) = (house.everyone().await, house.everyone().await, house.everyone().await);
    house.disable(&disabled).await;
    let end = house.fixture.now();
    house.change(&expired, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    let other = ClientSecret::generate(&*house.fixture.entropy).expose().to_owned();
    let unknown = house.fixture.id::<ServiceAccount>().to_string();
    let mut answers = Vec::new();
    for (id, secret) in [
        (unknown.as_str(), other.as_str()),
        ("svc_nonsense", &other),
        ("", &other),
        (&wrong.id(), &other),
        (&wrong.id(), "nvsec_malformed"),
        (&wrong.id(), ""),
        (&wrong.id().to_lowercase(), &wrong.secret),
        (&disabled.id(), &disabled.secret),
        (&expired.id(), &expired.secret),
    ] {
        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        let answer = refused(house.post(PATH).json(&body), 401, "invalid_client").await;
        assert!(answer.header("www-authenticate").starts_with("Basic "));
        answers.push(answer.anonymous());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    for header in ["Basic !!!", "Basic", "Bearer x", &format!("Basic {}", STANDARD.encode("no colon"))] {
        let call = house.post(PATH).body(FORM, "grant_type=client_credentials").header("authorization", header);
        assert_eq!(refused(call, 401, "invalid_client").await.anonymous(), answers[0]);
    }
}

#[tokio::test]
async fn a_token_lives_no_longer_than_its_account() {
    let house = House::open().await;
    let end = house.fixture.now() + Duration::from_secs(100);
    let client =
        house.client_of(house.home, Scope::ALL, |account| ServiceAccount { expires_at: Some(end), ..account }).await;
    assert_eq!(house.ask_token(&client).await.json()["expires_in"], 100);
    house.clock().set(end - Duration::from_millis(1));
    house.get(findings_path()).by(&client).send().await.expect(200);
    house.clock().set(end);
    house.get(findings_path()).by(&client).send().await.expect(401);
    house.ask_token(&client).await.expect(401);
}

#[tokio::test]
async fn a_token_lives_as_long_as_the_setting_says_and_ends_on_the_second() {
    let token_lifetime = TokenLifetime::new(Duration::from_secs(60)).unwrap();
    let house = House::with(ApiSettings { token_lifetime, ..ApiSettings::default() }).await;
    let client = house.everyone().await;
    let issued = house.fixture.now();
    assert_eq!(house.ask_token(&client).await.json()["expires_in"], 60);
    house.clock().set(issued + Duration::from_millis(59_999));
    house.get(findings_path()).by(&client).send().await.expect(200);
    house.clock().set(issued + Duration::from_secs(60));
    let answer = house.get(findings_path()).by(&client).send().await.expect(401);
    assert!(answer.header("www-authenticate").contains(r#"error="invalid_token""#));
    assert!(answer.message().contains("expired"));
}

#[tokio::test]
async fn a_rotated_secret_works_at_once_and_the_old_one_for_its_grace_and_tokens_to_their_own_end() {
    let house = House::open().await;
    let old = house.everyone().await;
    let secret = ClientSecret::generate(&*house.fixture.entropy);
    let new = Client { secret: secret.expose().to_owned(), ..old.clone() };
    let rotated = house.fixture.now();
    let grace = Duration::from_secs(60);
    let hash = house.keys.hash(&secret);
    house.change(&old, |account| account.rotated(hash, grace, rotated).unwrap()).await;
    house.ask_token(&new).await.expect(200);
    house.clock().set(rotated + Duration::from_millis(59_999));
    house.ask_token(&old).await.expect(200);
    house.clock().set(rotated + grace);
    house.ask_token(&old).await.expect(401);
    house.ask_token(&new).await.expect(200);
    house.get(findings_path()).bearer(&old.token).send().await.expect(200);
}

async fn limited(quotas: Quotas) -> House {
    House::with(ApiSettings { quotas, ..ApiSettings::default() }).await
}

#[tokio::test]
async fn good_credentials_are_refused_by_their_own_bucket_only() {
    let house = limited(Quotas { token_endpoint: 3, ..Quotas::default() }).await;
    // One token each is taken when the client is made.
    let (one, two) = (house.everyone().await, house.everyone().await);
    house.ask_token(&one).await.expect(200);
    house.ask_token(&one).await.expect(200);
    let answer = house.ask_token(&one).await.expect(429);
    assert_eq!(answer.error(), "rate_limited");
    assert_eq!(answer.header("retry-after"), "20");
    assert_eq!(answer.header("cache-control"), "no-store");
    house.ask_token(&two).await.expect(200);
    house.clock().advance(Duration::from_secs(20));
    house.ask_token(&one).await.expect(200);
}

#[tokio::test]
async fn failures_are_counted_by_client_id_and_address_so_who_knows_an_id_locks_nobody_out() {
    let house = limited(Quotas { token_endpoint: 3, token_endpoint_address: 5, ..Quotas::default() }).await;
    let client = house.everyone().await;
    let wrong = with(&client, "client_secret", ClientSecret::generate(&*house.fixture.entropy).expose());
    let fail = async |body: &Value, address: &str| house.post(PATH).json(body).sent_from(address).send().await.status;
    let attacker = "198.51.100.1:1";
    for expected in [401, 401, 401, 429, 429] {
        assert_eq!(fail(&wrong, attacker).await, expected);
    }
    assert_eq!(fail(&wrong, "198.51.100.2:1").await, 401, "another address has a bucket of its own");
    assert_eq!(fail(&with(&client, "client_id", "svc_other"), attacker).await, 401, "and another id");
    let good = house.post(PATH).json(&request(&client)).sent_from(attacker);
    good.send().await.expect(200);
}

#[tokio::test]
async fn an_address_that_fails_with_ever_new_ids_is_slowed_down() {
    let house = limited(Quotas { token_endpoint: 100, token_endpoint_address: 5, ..Quotas::default() }).await;
    let client = house.everyone().await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let id = house.fixture.id::<ServiceAccount>().to_string();
        statuses.push(ask(&house, &with(&client, "client_id", id)).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
}

#[tokio::test]
async fn repeated_429s_of_the_token_endpoint_are_one_entry_a_minute_too() {
    let house = limited(Quotas { token_endpoint: 1, ..Quotas::default() }).await;
    let client = house.everyone().await;
    let before = house.log(house.home).await.len();
    for _ in 0..10 {
        house.ask_token(&client).await.expect(429);
    }
    assert_eq!(house.log(house.home).await.len() - before, 1);
}
