//! The deliveries of a subscription: reading, filtering and sending them again.

use serde_json::{Value, json};
use webhooks::DeliveryState;

use super::{reason_body, setup};
use crate::support::subscriptions_path;

#[tokio::test]
async fn a_delivery_shows_its_attempts_and_the_time_of_the_next_one() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 2).await;
    let path = format!("{}/{}/deliveries/{}", subscriptions_path(), subscription.meta.id, delivery.meta.id);
    let body = api.get(&path).auth(&client).send().await.expect(200).json()["webhookDelivery"].clone();
    assert_eq!(body["status"], "failed");
    assert_eq!(body["subscriptionId"], subscription.meta.id.to_string());
    assert_eq!(body["nextAttemptAt"], delivery.record.next_attempt_at.unwrap().to_string());
    assert_eq!(body["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(body["attempts"][1]["answer"], "no");
}

#[tokio::test]
async fn a_delivery_to_a_disabled_subscription_has_no_next_attempt_until_it_is_enabled() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 1).await;
    let path = format!("{}/{}", subscriptions_path(), subscription.meta.id);
    let deliveries = format!("{path}/deliveries");
    let one = format!("{deliveries}/{}", delivery.meta.id);
    let due = json!(delivery.record.next_attempt_at.unwrap().to_string());
    for (status, expected) in [("active", due.clone()), ("disabled", Value::Null), ("active", due)] {
        let body = json!({ "status": status, "reason": "because a test says so" });
        api.patch(&path).auth(&client).json(&body).send().await.expect(200);
        // A client that has the delivery of another status must not be told that it is unchanged.
        let read = api.get(&one).auth(&client).header("if-none-match", "*").send().await.expect(200);
        assert_eq!(read.json()["webhookDelivery"]["nextAttemptAt"], expected, "{status}");
        let listed = api.get(&deliveries).auth(&client).send().await.expect(200).json();
        assert_eq!(listed["webhookDeliveries"][0]["nextAttemptAt"], expected, "{status}");
        let streamed = api.get(&deliveries).auth(&client).header("accept", "application/x-ndjson").send().await;
        assert_eq!(streamed.expect(200).lines()[0]["nextAttemptAt"], expected, "{status}");
    }
}

#[tokio::test]
async fn a_finished_delivery_that_is_unchanged_is_answered_with_304() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 10).await;
    let path = format!("{}/{}/deliveries/{}", subscriptions_path(), subscription.meta.id, delivery.meta.id);
    let read = api.get(&path).auth(&client).send().await.expect(200);
    api.get(&path).auth(&client).header("if-none-match", read.header("etag")).send().await.expect(304);
}

#[tokio::test]
async fn deliveries_can_be_filtered_by_status_event_type_and_time() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let exhausted = api.store_failed_delivery(&subscription, 10).await;
    api.clock().tick();
    let since = api.fixture.now();
    let failed = api.store_failed_delivery(&subscription, 1).await;
    let path = format!("{}/{}", subscriptions_path(), subscription.meta.id);
    api.post(&format!("{path}/test")).auth(&client).json(&reason_body()).send().await.expect(200);
    let ids = async |query: &str| {
        let listed = api.get(&format!("{path}/deliveries?{query}")).auth(&client).send().await.expect(200).json();
        let listed = listed["webhookDeliveries"].as_array().unwrap().clone();
        listed.iter().map(|delivery| delivery["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("status=exhausted").await, [exhausted.meta.id.to_string()]);
    assert_eq!(ids("status=failed,exhausted").await, [failed.meta.id.to_string(), exhausted.meta.id.to_string()]);
    assert_eq!(ids("eventType=webhook.test").await.len(), 1);
    assert_eq!(ids("eventType=finding.created,webhook.test").await.len(), 3);
    assert_eq!(ids("eventType=finding.closed").await.len(), 0);
    assert_eq!(ids(&format!("createdAfter={since}&status=failed")).await, [failed.meta.id.to_string()]);
    assert_eq!(ids("limit=1").await.len(), 1);
    for bad in ["status=lost", "eventType=finding.burnt", "order=updated"] {
        api.get(&format!("{path}/deliveries?{bad}")).auth(&client).send().await.expect(400);
    }
}

#[tokio::test]
async fn a_redelivery_is_due_at_once_with_a_fresh_retry_schedule_and_notifies_the_dispatcher() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 10).await;
    let path = format!("{}/{}/deliveries/{}/redeliver", subscriptions_path(), subscription.meta.id, delivery.meta.id);
    api.clock().tick();
    let redelivered = api.post(&path).auth(&client).json(&reason_body()).send().await.expect(200).json();
    let redelivered = &redelivered["webhookDelivery"];
    assert_eq!(
        (redelivered["status"].as_str(), redelivered["nextAttemptAt"].as_str()),
        (Some("pending"), Some(api.fixture.now().to_string().as_str()))
    );
    assert_eq!(redelivered["attempts"].as_array().unwrap().len(), 10, "the earlier attempts are kept");
    assert_eq!(api.stored_delivery(delivery.meta.id).await.record.consecutive_failures, 0);
    assert_eq!(api.notifier.take_count(), 1);
    let response = api.post(&path).auth(&client).json(&reason_body()).send().await.expect(422);
    assert!(response.message().contains("already pending"));
}

#[tokio::test]
async fn deliveries_to_a_disabled_subscription_cannot_be_redelivered_or_recovered() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 10).await;
    let path = format!("{}/{}", subscriptions_path(), subscription.meta.id);
    let disable = json!({ "status": "disabled", "reason": "because a test says so" });
    api.patch(&path).auth(&client).json(&disable).send().await.expect(200);
    let redeliver = format!("{path}/deliveries/{}/redeliver", delivery.meta.id);
    api.post(&redeliver).auth(&client).json(&reason_body()).send().await.expect(422);
    let mut window = reason_body();
    window["since"] = json!("2026-01-01T00:00:00Z");
    api.post(&format!("{path}/recover")).auth(&client).json(&window).send().await.expect(422);
    assert_eq!(api.stored_delivery(delivery.meta.id).await.record.state, DeliveryState::Exhausted);
}

#[tokio::test]
async fn the_delivery_health_is_shown_on_subscriptions_in_lists_and_streams() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    api.store_subscription(&client, 1).await;
    let partition = webhooks::Partition { organization: api.home, subscription: subscription.meta.id };
    let (delivered, failing) = (api.fixture.now(), api.clock().tick());
    let health = webhooks::DeliveryHealth { last_delivery_at: Some(delivered), failing_since: Some(failing) };
    let store = &api.fixture.store;
    api.store_failed_delivery(&subscription, 1).await;
    let until = api.fixture.now() + std::time::Duration::from_secs(20);
    let later = api.fixture.now() + std::time::Duration::from_secs(10);
    assert_eq!(store.acquire_partitions(&[partition], "a test", later, until).await.unwrap().len(), 1);
    store.record_results(partition, &[], Some(health)).await.unwrap();
    let page = api.get(subscriptions_path()).auth(&client).send().await.expect(200).json();
    let lines = api.get(subscriptions_path()).auth(&client).header("accept", "application/x-ndjson").send().await;
    for record in [&page["webhookSubscriptions"][1], &lines.lines()[1]] {
        assert_eq!(record["lastDeliveryAt"], delivered.to_string());
        assert_eq!(record["failingSince"], failing.to_string());
    }
    assert_eq!(page["webhookSubscriptions"][0]["lastDeliveryAt"], Value::Null);
}
