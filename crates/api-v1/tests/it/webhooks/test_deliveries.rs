//! `test`: one delivery attempt on demand.

use std::time::Duration;

use kernel::{IdempotencyKey, KeyClaim};
use serde_json::{Value, json};
use webhooks::{AttemptFailure, AttemptOutcome};

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

#[tokio::test]
async fn concurrent_test_deliveries_with_one_key_send_one_event() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let call = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).idempotency_key("k");
    let (duplicate, (sender, receiver)) = (call.clone(), tokio::sync::oneshot::channel());
    // The first request has sent its event and is about to commit. The second one gets as far as it can until then.
    api.probe.before_next(Call::Commit, move || {
        Box::pin(async move {
            let response = tokio::spawn(duplicate.send());
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            let _ = sender.send(response);
        })
    });
    let first = call.send().await.expect(200);
    let second = receiver.await.unwrap().await.unwrap().expect(200);
    assert_eq!((second.is_replayed(), &second.body), (true, &first.body));
    assert_eq!(api.endpoints.take_sent().len(), 1);
}

#[tokio::test]
async fn a_test_delivery_with_the_key_of_an_interrupted_one_sends_the_same_event() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let path = format!("{path}/test");
    let call = api.post(&path).auth(&client).json(&reason_body()).idempotency_key("k");
    // The commit fails after the event was sent.
    api.probe.fail(Call::Commit, Fault::Unavailable);
    call.clone().send().await.expect(503);
    api.probe.clear_faults();
    call.send().await.expect(200);
    let sent = api.endpoints.take_sent();
    let ids: Vec<_> = sent.iter().map(|(_, message)| message.id).collect();
    assert_eq!(ids, [ids[0], ids[0]], "the receiver recognizes the event by its identifier");

    // A server was killed while it held the claim of another key, which ends by itself.
    let key = IdempotencyKey {
        organization: api.home,
        account: client.account.meta.ulid(),
        operation: format!("POST {path}"),
        key: "other".to_owned(),
    };
    let now = api.fixture.now();
    let fingerprint = kernel::Fingerprint([1; 32]);
    let (held_until, expires_at) = (now + Duration::from_secs(60), now + Duration::from_secs(3600));
    let claim = KeyClaim { key, fingerprint, effect: kernel::Ulid(1), held_until, expires_at };
    api.fixture.store.claim_key(&claim, now).await.unwrap();
    let call = api.post(&path).auth(&client).json(&reason_body()).idempotency_key("other");
    call.send().await.expect(422);
    assert!(api.endpoints.take_sent().is_empty(), "nothing is sent for a key that another request has claimed");
}

#[tokio::test]
async fn a_test_delivery_to_an_endpoint_that_is_gone_disables_the_subscription() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    api.endpoints.push_outcome(refused_outcome(410, ""));
    let call = api.post(&format!("{path}/test")).auth(&client).json(&reason_body());
    assert_eq!(call.clone().send().await.expect(200).json()["webhookDelivery"]["attempts"][0]["status"], 410);
    let shown = api.get(&path).auth(&client).send().await.expect(200).json();
    let subscription = &shown["webhookSubscription"];
    assert_eq!(
        (subscription["status"].as_str(), subscription["disabledReason"].as_str()),
        (Some("disabled"), Some("gone"))
    );
    let log = api.audit_log(api.home).await;
    let disabled = log.iter().filter(|stored| stored.entry.action.as_str() == "webhook_subscription.disabled");
    assert_eq!(disabled.count(), 1);
    api.endpoints.push_outcome(refused_outcome(410, ""));
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_name_with_forbidden_addresses_looks_like_one_that_does_not_resolve() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let mut attempts = Vec::new();
    for failure in [AttemptFailure::Unresolved, AttemptFailure::Forbidden] {
        let outcome =
            AttemptOutcome { status: None, response_body: None, failure: Some(failure), ..refused_outcome(0, "") };
        api.endpoints.push_outcome(outcome);
        let test = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200).json();
        let id = test["webhookDelivery"]["id"].as_str().unwrap().to_owned();
        let shown = api.get(&format!("{path}/deliveries/{id}")).auth(&client).send().await.expect(200).json();
        assert_eq!(shown, test);
        attempts.push(test["webhookDelivery"]["attempts"][0].clone());
    }
    assert_eq!(attempts[0]["error"], "unresolved");
    assert_eq!(attempts[0], attempts[1]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_the_one_with_its_key_claims_the_key_rarely() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let call = api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).idempotency_key("k");
    let (duplicate, (sender, receiver)) = (call.clone(), tokio::sync::oneshot::channel());
    api.probe.before_next(Call::Commit, move || {
        Box::pin(async move {
            let _ = sender.send(tokio::spawn(duplicate.send()));
            let _ = tokio::time::timeout(Duration::from_secs(15), std::future::pending::<()>()).await;
        })
    });
    call.send().await.expect(200);
    assert!(receiver.await.unwrap().await.unwrap().expect(200).is_replayed());
    assert!(api.probe.count(Call::Claim) <= 6, "{} claims", api.probe.count(Call::Claim));
}

#[tokio::test]
async fn a_failed_test_delivery_leaves_its_key_to_another_request() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let call = api.post(&format!("{path}/test")).auth(&client).idempotency_key("k");
    api.probe.fail_next(Call::Commit, Fault::Unavailable);
    call.clone().json(&reason_body()).send().await.expect(503);
    let other = call.json(&json!({ "reason": "because of another reason" }));
    assert!(!other.clone().send().await.expect(200).is_replayed());
    assert!(other.send().await.expect(200).is_replayed());
    let ids: Vec<_> = api.endpoints.take_sent().iter().map(|(_, message)| message.id).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "another request sends another event: {ids:?}");
}
