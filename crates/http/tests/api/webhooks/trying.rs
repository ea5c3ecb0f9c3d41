//! `test`: one attempt on demand.

use serde_json::{Value, json};

use super::{because, house};
use crate::support::{Fault, Port, refused};

#[tokio::test]
async fn a_test_sends_a_signed_event_about_the_subscription_and_shows_what_came_of_it() {
    let (house, client) = house().await;
    let (path, made) = house.subscribed(&client).await;
    let answer = house.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(200).json();
    let delivery = &answer["webhookDelivery"];
    assert_eq!(
        (delivery["status"].as_str(), delivery["eventType"].as_str()),
        (Some("delivered"), Some("webhook.test"))
    );
    assert_eq!(delivery["attempts"][0]["status"], 204);
    assert_eq!(delivery["attempts"][0]["durationMs"], 12);
    assert_eq!(delivery["attempts"][0]["error"], Value::Null);
    let (url, message) = house.endpoints.sent().remove(0);
    assert_eq!(url, "https://mirror.example/novantra");
    assert_eq!(delivery["eventId"], message.id.to_string());
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!((body["id"].as_str(), body["type"].as_str()), (delivery["eventId"].as_str(), Some("webhook.test")));
    assert_eq!(body["organization"]["slug"], "home");
    assert_eq!(body["data"]["webhookSubscription"]["id"], made.json()["webhookSubscription"]["id"]);
    let path = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
    assert_eq!(house.get(&path).by(&client).send().await.expect(200).json(), answer);
}

#[tokio::test]
async fn a_test_that_fails_is_shown_and_not_repeated() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    house.endpoints.next(refused(500, "no such page"));
    let answer = house.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(200).json();
    let delivery = &answer["webhookDelivery"];
    assert_eq!((delivery["status"].as_str(), &delivery["nextAttemptAt"]), (Some("exhausted"), &Value::Null));
    let attempt = &delivery["attempts"][0];
    assert_eq!((attempt["status"].as_u64(), attempt["answer"].as_str()), (Some(500), Some("no such page")));
    assert_eq!(
        (attempt["error"].as_str(), attempt["message"].as_str()),
        (Some("refused"), Some("the endpoint did not answer 2xx"))
    );
}

#[tokio::test]
async fn a_test_again_with_its_key_sends_nothing_again() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    let call = house.post(&format!("{path}/test")).by(&client).json(&because()).key("k");
    let first = call.clone().send().await.expect(200);
    let again = call.send().await.expect(200);
    assert_eq!((again.is_replayed(), &again.body), (true, &first.body));
    assert_eq!(house.endpoints.sent().len(), 1);
}

/// However often it must be decided, it is sent once.
#[tokio::test]
async fn a_test_that_loses_a_race_is_sent_once() {
    let house = std::sync::Arc::new(crate::support::House::open().await);
    let client = house.everyone().await;
    let (path, _) = house.subscribed(&client).await;
    let change = json!({ "description": "meanwhile", "reason": "because a test says so" });
    let meanwhile = house.patch(&path).by(&client).json(&change);
    house.watched.before_next(Port::Commit, move || {
        Box::pin(async move {
            meanwhile.send().await.expect(200);
        })
    });
    house.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(200);
    assert_eq!(house.endpoints.sent().len(), 1);
}

#[tokio::test]
async fn a_test_that_can_not_be_stored_is_503() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    house.watched.fail(Port::Commit, Fault::Unavailable);
    house.post(&format!("{path}/test")).by(&client).json(&because()).send().await.expect(503);
    house.watched.heal();
    let listed = house.get(&format!("{path}/deliveries")).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookDeliveries"], json!([]));
}
