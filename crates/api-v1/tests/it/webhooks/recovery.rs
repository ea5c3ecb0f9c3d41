//! `recover`: sending the failed and missed events of a time range again.

use std::time::Duration;

use serde_json::{Value, json};
use webhooks::{DeliveryState, MAX_RECOVERED, WebhookDelivery};

use super::{reason_body, setup};
use crate::support::{Client, TestApi, TestResponse, subscriptions_path};

fn range_body(since: &str, until: Option<&str>) -> Value {
    let mut body = reason_body();
    body["since"] = json!(since);
    body["until"] = json!(until);
    body
}

async fn recover(api: &TestApi, client: &Client, id: &str, body: &Value) -> TestResponse {
    api.post(&format!("{}/{id}/recover", subscriptions_path())).auth(client).json(body).send().await
}

#[tokio::test]
async fn recovery_sends_only_the_failed_and_missed_events_of_its_range_again() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let early = api.store_failed_delivery(&subscription, 10).await;
    api.clock().advance(Duration::from_secs(1));
    let since = api.fixture.now();
    let exhausted = api.store_failed_delivery(&subscription, 10).await;
    let failed = api.store_failed_delivery(&subscription, 1).await;
    let missed = api.store_event(&subscription).await;
    api.clock().advance(Duration::from_secs(1));
    let until = api.fixture.now();
    let late = api.store_failed_delivery(&subscription, 10).await;
    api.notifier.take_count();
    let body = range_body(&since.to_string(), Some(&until.to_string()));
    let response = recover(&api, &client, &id, &body).await.expect(200).json();
    assert_eq!(response, json!({ "recovery": { "redelivered": 2, "missed": 1, "nextSince": null } }));
    assert_eq!(api.notifier.take_count(), 1);
    let missed = WebhookDelivery::derive_id(subscription.meta.id, missed.id, missed.created_at);
    for (delivery, state) in [
        (early.meta.id, DeliveryState::Exhausted),
        (exhausted.meta.id, DeliveryState::Pending),
        (failed.meta.id, DeliveryState::Pending),
        (missed, DeliveryState::Pending),
        (late.meta.id, DeliveryState::Exhausted),
    ] {
        assert_eq!(api.stored_delivery(delivery).await.record.state, state);
    }
    let repeated = recover(&api, &client, &id, &body).await.expect(200).json();
    assert_eq!(repeated, json!({ "recovery": { "redelivered": 0, "missed": 0, "nextSince": null } }));
}

#[tokio::test]
async fn recovery_ignores_events_before_the_subscription_and_of_other_types() {
    let (api, client) = setup().await;
    let first = api.store_subscription(&client, 0).await;
    api.store_event(&first).await;
    api.clock().tick();
    // Events from before the subscription, or of types that it does not name, are not recovered.
    let (path, _) = api.create_subscription(&client).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    let finding = api.create_finding(&client, "k").await;
    let close = json!({ "status": "closed", "reason": "because a test says so" });
    api.patch(&format!("/api/v1/governance/findings/{finding}")).auth(&client).json(&close).send().await.expect(200);
    let response = recover(&api, &client, &id, &range_body("2026-01-01T00:00:00Z", None)).await.expect(200).json();
    assert_eq!(response["recovery"], json!({ "redelivered": 0, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn one_recovery_handles_the_oldest_thousand_events_and_returns_where_to_continue() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let since = api.fixture.now().to_string();
    for number in 0..MAX_RECOVERED + 3 {
        api.clock().tick();
        if number % 2 == 0 {
            api.store_failed_delivery(&subscription, 10).await;
        } else {
            api.store_event(&subscription).await;
        }
    }
    let response = recover(&api, &client, &id, &range_body(&since, None)).await.expect(200).json();
    let recovery = &response["recovery"];
    assert_eq!(recovery["redelivered"].as_u64().unwrap() + recovery["missed"].as_u64().unwrap(), 1000);
    let next = api.fixture.now() - Duration::from_millis(2);
    assert_eq!(recovery["nextSince"], next.to_string());
    let rest = recover(&api, &client, &id, &range_body(recovery["nextSince"].as_str().unwrap(), None)).await;
    assert_eq!(rest.expect(200).json()["recovery"], json!({ "redelivered": 2, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn a_recovery_range_requires_a_start_before_its_end() {
    let (api, client) = setup().await;
    let id = api.store_subscription(&client, 0).await.meta.id.to_string();
    let bad = [
        (reason_body(), vec!["since"]),
        (range_body("yesterday", None), vec!["since"]),
        (range_body("2026-05-25T00:00:00Z", Some("2026-05-25T00:00:00Z")), vec!["until"]),
        (range_body("x", Some("y")), vec!["since", "until"]),
    ];
    for (body, paths) in bad {
        assert_eq!(recover(&api, &client, &id, &body).await.expect(400).issue_paths(), paths);
    }
    for extreme in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        recover(&api, &client, &id, &range_body(extreme, None)).await.expect(200);
    }
}
