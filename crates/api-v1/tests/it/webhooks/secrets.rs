//! Signing secrets, which are shown only once, to the client that creates them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use webhooks::WebhookSubscription;

use super::{reason_body, setup};
use crate::support::{Client, TestApi, TestResponse, subscriptions_path};

fn secret(response: &TestResponse) -> String {
    response.json()["webhookSubscription"]["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_is_32_bytes_in_the_standard_webhooks_format_and_its_response_may_not_be_cached() {
    let (api, client) = setup().await;
    let (path, created) = api.create_subscription(&client).await;
    let rotated =
        api.post(&format!("{path}/rotate-secret")).auth(&client).json(&reason_body()).send().await.expect(200);
    for response in [&created, &rotated] {
        let secret = secret(response);
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert_eq!(response.header("cache-control"), "no-store");
    }
    assert_ne!(secret(&created), secret(&rotated));
}

#[tokio::test]
async fn no_other_response_and_no_audit_entry_contains_a_secret() {
    let (api, client) = setup().await;
    let (path, created) = api.create_subscription(&client).await;
    let rotated =
        api.post(&format!("{path}/rotate-secret")).auth(&client).json(&reason_body()).send().await.expect(200);
    let changed = json!({ "description": "moved", "reason": "because a test says so" });
    let mut responses = vec![
        api.get(&path).auth(&client).send().await.expect(200),
        api.get(subscriptions_path()).auth(&client).send().await.expect(200),
        api.patch(&path).auth(&client).json(&changed).send().await.expect(200),
        api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200),
        api.get(&format!("{path}/deliveries")).auth(&client).send().await.expect(200),
        api.get("/api/v1/audit/entries?limit=200").auth(&client).send().await.expect(200),
    ];
    responses.push(api.get(subscriptions_path()).auth(&client).header("accept", "application/x-ndjson").send().await);
    for response in responses {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        for secret in [secret(&created), secret(&rotated)] {
            assert!(!text.contains(&secret) && !text.contains("whsec_"), "{text}");
        }
    }
    let sent =
        api.endpoints.take_sent().into_iter().map(|(_, message)| String::from_utf8_lossy(&message.body).into_owned());
    assert!(sent.into_iter().all(|body| !body.contains("whsec_")));
}

#[tokio::test]
async fn a_secret_in_the_query_of_a_url_is_shown_to_its_account_only() {
    let (api, client) = setup().await;
    let mut body = super::subscription_body();
    body["url"] = json!("https://mirror.example/novantra?key=s3cret-1");
    let created = api.post(subscriptions_path()).auth(&client).json(&body).send().await.expect(201).json();
    assert_eq!(created["webhookSubscription"]["url"], body["url"]);
    let path = format!("{}/{}", subscriptions_path(), created["webhookSubscription"]["id"].as_str().unwrap());
    let change = json!({ "url": "https://mirror.example/novantra?key=s3cret-2", "reason": "because a test says so" });
    api.patch(&path).auth(&client).json(&change).send().await.expect(200);
    for accept in ["application/json", "application/x-ndjson"] {
        let entries = api.get("/api/v1/audit/entries").auth(&client).header("accept", accept).send().await.expect(200);
        let text = String::from_utf8_lossy(&entries.body).into_owned();
        assert!(text.contains("novantra?key=***") && !text.contains("s3cret"), "{text}");
    }
    let log = api.audit_log(api.home).await;
    let update = log.iter().find(|stored| stored.entry.action.as_str() == "webhook_subscription.updated").unwrap();
    assert_eq!(update.entry.changes[0].field, "url");
}

/// The body of the response that is stored for the idempotency key.
async fn stored_response_body(api: &TestApi, client: &Client, key: &str, path: &str) -> Vec<u8> {
    let key = kernel::IdempotencyKey {
        organization: api.home,
        account: client.account.meta.ulid(),
        operation: format!("POST {path}"),
        key: key.to_owned(),
    };
    let (_, response) = api.fixture.store.stored_response(&key, api.fixture.now()).await.unwrap().unwrap();
    response.body.to_vec()
}

#[tokio::test]
async fn a_replay_returns_the_same_secret_although_it_is_stored_encrypted() {
    let (api, client) = setup().await;
    let create = api.subscribe_request(&client).idempotency_key("once");
    let created = create.clone().send().await.expect(201);
    let again = create.send().await.expect(201);
    assert!(again.is_replayed());
    assert_eq!((&again.body, again.header("cache-control")), (&created.body, "no-store"));
    assert_eq!(again.header("novantra-sealed"), "");
    let stored = stored_response_body(&api, &client, "once", subscriptions_path()).await;
    assert!(!String::from_utf8_lossy(&stored).contains("whsec_"), "the secret is stored unencrypted");
    let listed = api.get(subscriptions_path()).auth(&client).send().await.json();
    assert_eq!(listed["webhookSubscriptions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_response_without_a_secret_is_stored_unencrypted() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let test = format!("{path}/test");
    let response = api.post(&test).auth(&client).json(&reason_body()).idempotency_key("once").send().await.expect(200);
    assert_eq!(stored_response_body(&api, &client, "once", &test).await, response.body);
}

/// The end of each secret that currently signs; `None` if it has no end.
async fn active_secret_ends(api: &TestApi, path: &str) -> Vec<Option<kernel::Timestamp>> {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let stored = api.fixture.get::<WebhookSubscription>(api.home, id).await.unwrap();
    stored.record.live_secrets(api.fixture.now()).map(|secret| secret.expires_at).collect()
}

#[tokio::test]
async fn a_replaced_secret_keeps_signing_for_the_requested_grace_period_and_for_a_day_by_default() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let rotate = async |grace: Value, status: u16| {
        let mut body = reason_body();
        body["graceSeconds"] = grace;
        api.post(&format!("{path}/rotate-secret")).auth(&client).json(&body).send().await.expect(status)
    };
    let after = |seconds| Some(api.fixture.now() + std::time::Duration::from_secs(seconds));
    rotate(Value::Null, 200).await;
    assert_eq!(active_secret_ends(&api, &path).await, [None, after(86_400)]);
    rotate(json!(60), 200).await;
    assert_eq!(active_secret_ends(&api, &path).await, [None, after(60)], "the secret before that ends immediately");
    rotate(json!(0), 200).await;
    assert_eq!(active_secret_ends(&api, &path).await, [None]);
    for bad in [json!(-1), json!(604_801), json!(1.5), json!("60"), json!(true)] {
        assert_eq!(rotate(bad, 400).await.issue_paths(), ["graceSeconds"]);
    }
    rotate(json!(604_800), 200).await;
}

#[tokio::test]
async fn a_message_has_both_signatures_during_the_grace_period() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let signatures = async || {
        api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200);
        api.endpoints.take_sent().remove(0).1.signature.split(' ').count()
    };
    assert_eq!(signatures().await, 1);
    api.post(&format!("{path}/rotate-secret")).auth(&client).json(&reason_body()).send().await.expect(200);
    assert_eq!(signatures().await, 2);
}
