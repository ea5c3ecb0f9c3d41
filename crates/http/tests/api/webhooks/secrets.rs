//! Signing secrets, which are shown only once, to the client that creates them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use webhooks::WebhookSubscription;

use super::{because, house};
use crate::support::{Answer, Client, House, subscriptions_path};

fn secret(response: &Answer) -> String {
    response.json()["webhookSubscription"]["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_secret_is_32_bytes_in_the_form_that_libraries_take_and_nobody_may_keep_its_answer() {
    let (api, client) = house().await;
    let (path, created) = api.subscribed(&client).await;
    let rotated = api.post(&format!("{path}/rotate-secret")).by(&client).json(&because()).send().await.expect(200);
    for response in [&created, &rotated] {
        let secret = secret(response);
        assert_eq!(STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
        assert_eq!(response.header("cache-control"), "no-store");
    }
    assert_ne!(secret(&created), secret(&rotated));
}

#[tokio::test]
async fn no_other_answer_and_no_entry_holds_a_secret() {
    let (api, client) = house().await;
    let (path, created) = api.subscribed(&client).await;
    let rotated = api.post(&format!("{path}/rotate-secret")).by(&client).json(&because()).send().await.expect(200);
    let changed = json!({ "description": "moved", "reason": "because a test says so" });
    let mut responses = vec![
        api.get(&path).by(&client).send().await.expect(200),
        api.get(subscriptions_path()).by(&client).send().await.expect(200),
        api.patch(&path).by(&client).json(&changed).send().await.expect(200),
        api.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(200),
        api.get(&format!("{path}/deliveries")).by(&client).send().await.expect(200),
        api.get("/api/v1/audit/entries?limit=200").by(&client).send().await.expect(200),
    ];
    responses.push(api.get(subscriptions_path()).by(&client).header("accept", "application/x-ndjson").send().await);
    for response in responses {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        for secret in [secret(&created), secret(&rotated)] {
            assert!(!text.contains(&secret) && !text.contains("whsec_"), "{text}");
        }
    }
    let sent = api.endpoints.sent().into_iter().map(|(_, message)| String::from_utf8_lossy(&message.body).into_owned());
    assert!(sent.into_iter().all(|body| !body.contains("whsec_")));
}

/// The body of the response that is stored for the idempotency key.
async fn kept(api: &House, client: &Client, key: &str, path: &str) -> Vec<u8> {
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
async fn a_replay_shows_the_same_secret_though_it_is_kept_encrypted() {
    let (api, client) = house().await;
    let create = api.subscribe(&client).key("once");
    let created = create.clone().send().await.expect(201);
    let again = create.send().await.expect(201);
    assert!(again.is_replayed());
    assert_eq!((&again.body, again.header("cache-control")), (&created.body, "no-store"));
    assert_eq!(again.header("novantra-sealed"), "");
    let stored = kept(&api, &client, "once", subscriptions_path()).await;
    assert!(!String::from_utf8_lossy(&stored).contains("whsec_"), "the secret is stored unencrypted");
    let listed = api.get(subscriptions_path()).by(&client).send().await.json();
    assert_eq!(listed["webhookSubscriptions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_secret_is_kept_as_it_is() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    let test = format!("{path}/test");
    let response = api.post(&test).by(&client).json(&because()).key("once").send().await.expect(200);
    assert_eq!(kept(&api, &client, "once", &test).await, response.body);
}

/// The end of each secret that currently signs; `None` if it has no end.
async fn live(api: &House, path: &str) -> Vec<Option<kernel::Timestamp>> {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let stored = api.fixture.get::<WebhookSubscription>(api.home, id).await.unwrap();
    stored.record.live_secrets(api.fixture.now()).map(|secret| secret.expires_at).collect()
}

#[tokio::test]
async fn a_secret_signs_beside_its_successor_for_the_grace_asked_for_and_a_day_where_none_is() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    let rotate = async |grace: Value, status: u16| {
        let mut body = because();
        body["graceSeconds"] = grace;
        api.post(&format!("{path}/rotate-secret")).by(&client).json(&body).send().await.expect(status)
    };
    let after = |seconds| Some(api.fixture.now() + std::time::Duration::from_secs(seconds));
    rotate(Value::Null, 200).await;
    assert_eq!(live(&api, &path).await, [None, after(86_400)]);
    rotate(json!(60), 200).await;
    assert_eq!(live(&api, &path).await, [None, after(60)], "the secret before that ends immediately");
    rotate(json!(0), 200).await;
    assert_eq!(live(&api, &path).await, [None]);
    for bad in [json!(-1), json!(604_801), json!(1.5), json!("60"), json!(true)] {
        assert_eq!(rotate(bad, 400).await.paths(), ["graceSeconds"]);
    }
    rotate(json!(604_800), 200).await;
}

#[tokio::test]
async fn within_the_grace_a_message_has_both_signatures() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    let signatures = async || {
        api.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(200);
        api.endpoints.sent().remove(0).1.signature.split(' ').count()
    };
    assert_eq!(signatures().await, 1);
    api.post(&format!("{path}/rotate-secret")).by(&client).json(&because()).send().await.expect(200);
    assert_eq!(signatures().await, 2);
}
