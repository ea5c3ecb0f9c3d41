//! `test`: one delivery attempt on demand.

use serde_json::{Value, json};

use super::{reason_body, setup};
use crate::support::{Call, Fault, refused_outcome};

#[tokio::test]
async fn a_test_delivery_sends_a_signed_event_about_the_subscription_and_returns_its_result() {
    let (api, client) = setup().await;
    let (path, created) = api.create_subscription(&client).await;
    let response = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200).json();
    let delivery = &response["webhookDelivery"];
    assert_eq!(
        (delivery["status"].as_str(), delivery["eventType"].as_str()),
        (Some("delivered"), Some("webhook.test"))
    );
    assert_eq!(delivery["attempts"][0]["status"], 204);
    assert_eq!(delivery["attempts"][0]["durationMs"], 12);
    assert_eq!(delivery["attempts"][0]["error"], Value::Null);
    let (url, message) = api.endpoints.take_sent().remove(0);
    assert_eq!(url, "https://mirror.example/novantra");
    assert_eq!(delivery["eventId"], message.id.to_string());
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!((body["id"].as_str(), body["type"].as_str()), (delivery["eventId"].as_str(), Some("webhook.test")));
    assert_eq!(body["organization"]["slug"], "home");
    assert_eq!(body["data"]["webhookSubscription"]["id"], created.json()["webhookSubscription"]["id"]);
    let path = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
    assert_eq!(api.get(&path).auth(&client).send().await.expect(200).json(), response);
}

#[tokio::test]
async fn a_failed_test_delivery_is_returned_and_not_retried() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    api.endpoints.push_outcome(refused_outcome(500, "no such page"));
    let response = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200).json();
    let delivery = &response["webhookDelivery"];
    assert_eq!((delivery["status"].as_str(), &delivery["nextAttemptAt"]), (Some("exhausted"), &Value::Null));
    let attempt = &delivery["attempts"][0];
    assert_eq!((attempt["status"].as_u64(), attempt["answer"].as_str()), (Some(500), Some("no such page")));
    assert_eq!(
        (attempt["error"].as_str(), attempt["message"].as_str()),
        (Some("refused"), Some("the endpoint did not answer 2xx"))
    );
}

#[tokio::test]
async fn a_test_delivery_repeated_with_its_key_sends_nothing() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let call = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).idempotency_key("k");
    let first = call.clone().send().await.expect(200);
    let again = call.send().await.expect(200);
    assert_eq!((again.is_replayed(), &again.body), (true, &first.body));
    assert_eq!(api.endpoints.take_sent().len(), 1);
}

/// The command may run several times before it commits, but the event is sent only once.
#[tokio::test]
async fn a_test_delivery_that_loses_a_race_is_sent_once() {
    let api = std::sync::Arc::new(crate::support::TestApi::open().await);
    let client = api.full_access_client().await;
    let (path, _) = api.create_subscription(&client).await;
    let change = json!({ "description": "meanwhile", "reason": "because a test says so" });
    let meanwhile = api.patch(&path).auth(&client).json(&change);
    api.probe.before_next(Call::Commit, move || {
        Box::pin(async move {
            meanwhile.send().await.expect(200);
        })
    });
    api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200);
    assert_eq!(api.endpoints.take_sent().len(), 1);
}

#[tokio::test]
async fn a_test_delivery_that_cannot_be_stored_returns_503() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    api.probe.fail(Call::Commit, Fault::Unavailable);
    api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(503);
    api.probe.clear_faults();
    let listed = api.get(&format!("{path}/deliveries")).auth(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookDeliveries"], json!([]));
}
