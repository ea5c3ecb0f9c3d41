//! `recover`: sending the failed and missed events of a time range again.

use std::time::Duration;

use serde_json::{Value, json};
use webhooks::{DeliveryState, MAX_RECOVERED, WebhookDelivery};

use super::{because, house};
use crate::support::{Answer, Client, House, subscriptions_path};

fn window(since: &str, until: Option<&str>) -> Value {
    let mut body = because();
    body["since"] = json!(since);
    body["until"] = json!(until);
    body
}

async fn recover(api: &House, client: &Client, id: &str, body: &Value) -> Answer {
    api.post(&format!("{}/{id}/recover", subscriptions_path())).by(client).json(body).send().await
}

#[tokio::test]
async fn what_failed_and_what_was_missed_within_the_window_is_sent_again_and_nothing_else() {
    let (api, client) = house().await;
    let subscription = api.subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let early = api.failed_delivery(&subscription, 10).await;
    api.clock().advance(Duration::from_secs(1));
    let since = api.fixture.now();
    let exhausted = api.failed_delivery(&subscription, 10).await;
    let failed = api.failed_delivery(&subscription, 1).await;
    let missed = api.event(&subscription).await;
    api.clock().advance(Duration::from_secs(1));
    let until = api.fixture.now();
    let late = api.failed_delivery(&subscription, 10).await;
    api.bell.rings();
    let body = window(&since.to_string(), Some(&until.to_string()));
    let response = recover(&api, &client, &id, &body).await.expect(200).json();
    assert_eq!(response, json!({ "recovery": { "redelivered": 2, "missed": 1, "nextSince": null } }));
    assert_eq!(api.bell.rings(), 1);
    let missed = WebhookDelivery::derive_id(subscription.meta.id, missed.id, missed.created_at);
    for (delivery, state) in [
        (early.meta.id, DeliveryState::Exhausted),
        (exhausted.meta.id, DeliveryState::Pending),
        (failed.meta.id, DeliveryState::Pending),
        (missed, DeliveryState::Pending),
        (late.meta.id, DeliveryState::Exhausted),
    ] {
        assert_eq!(api.present_delivery(delivery).await.record.state, state);
    }
    let repeated = recover(&api, &client, &id, &body).await.expect(200).json();
    assert_eq!(repeated, json!({ "recovery": { "redelivered": 0, "missed": 0, "nextSince": null } }));
}

#[tokio::test]
async fn events_that_are_not_the_subscriptions_are_not_missed_by_it() {
    let (api, client) = house().await;
    let first = api.subscription(&client, 0).await;
    api.event(&first).await;
    api.clock().tick();
    // Events from before the subscription, or of types that it does not name, are not recovered.
    let (path, _) = api.subscribed(&client).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    let finding = api.finding(&client, "k").await;
    let close = json!({ "status": "closed", "reason": "because a test says so" });
    api.patch(&format!("/api/v1/governance/findings/{finding}")).by(&client).json(&close).send().await.expect(200);
    let response = recover(&api, &client, &id, &window("2026-01-01T00:00:00Z", None)).await.expect(200).json();
    assert_eq!(response["recovery"], json!({ "redelivered": 0, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn a_call_sends_a_thousand_again_the_oldest_first_and_says_where_to_go_on() {
    let (api, client) = house().await;
    let subscription = api.subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let since = api.fixture.now().to_string();
    for number in 0..MAX_RECOVERED + 3 {
        api.clock().tick();
        if number % 2 == 0 {
            api.failed_delivery(&subscription, 10).await;
        } else {
            api.event(&subscription).await;
        }
    }
    let response = recover(&api, &client, &id, &window(&since, None)).await.expect(200).json();
    let recovery = &response["recovery"];
    assert_eq!(recovery["redelivered"].as_u64().unwrap() + recovery["missed"].as_u64().unwrap(), 1000);
    let next = api.fixture.now() - Duration::from_millis(2);
    assert_eq!(recovery["nextSince"], next.to_string());
    let rest = recover(&api, &client, &id, &window(recovery["nextSince"].as_str().unwrap(), None)).await;
    assert_eq!(rest.expect(200).json()["recovery"], json!({ "redelivered": 2, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn a_window_needs_a_beginning_that_lies_before_its_end() {
    let (api, client) = house().await;
    let id = api.subscription(&client, 0).await.meta.id.to_string();
    let bad = [
        (because(), vec!["since"]),
        (window("yesterday", None), vec!["since"]),
        (window("2026-05-25T00:00:00Z", Some("2026-05-25T00:00:00Z")), vec!["until"]),
        (window("x", Some("y")), vec!["since", "until"]),
    ];
    for (body, paths) in bad {
        assert_eq!(recover(&api, &client, &id, &body).await.expect(400).paths(), paths);
    }
    for extreme in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        recover(&api, &client, &id, &window(extreme, None)).await.expect(200);
    }
}
