//! `recover`: a window of events again.

use std::time::Duration;

use serde_json::{Value, json};
use webhooks::{DeliveryState, MOST_RECOVERED, WebhookDelivery};

use super::{because, house};
use crate::support::{Answer, Client, House, subscriptions_path};

fn window(since: &str, until: Option<&str>) -> Value {
    let mut body = because();
    body["since"] = json!(since);
    body["until"] = json!(until);
    body
}

async fn recover(house: &House, client: &Client, id: &str, body: &Value) -> Answer {
    house.post(&format!("{}/{id}/recover", subscriptions_path())).by(client).json(body).send().await
}

#[tokio::test]
async fn what_failed_and_what_was_missed_within_the_window_is_sent_again_and_nothing_else() {
    let (house, client) = house().await;
    let subscription = house.subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let early = house.failed_delivery(&subscription, 10).await;
    house.clock().advance(Duration::from_secs(1));
    let since = house.fixture.now();
    let exhausted = house.failed_delivery(&subscription, 10).await;
    let failed = house.failed_delivery(&subscription, 1).await;
    let missed = house.event(&subscription).await;
    house.clock().advance(Duration::from_secs(1));
    let until = house.fixture.now();
    let late = house.failed_delivery(&subscription, 10).await;
    house.bell.rings();
    let body = window(&since.to_string(), Some(&until.to_string()));
    let answer = recover(&house, &client, &id, &body).await.expect(200).json();
    assert_eq!(answer, json!({ "recovery": { "redelivered": 2, "missed": 1, "nextSince": null } }));
    assert_eq!(house.bell.rings(), 1);
    let missed = WebhookDelivery::id(subscription.meta.id, missed.id, missed.created_at);
    for (delivery, state) in [
        (early.meta.id, DeliveryState::Exhausted),
        (exhausted.meta.id, DeliveryState::Pending),
        (failed.meta.id, DeliveryState::Pending),
        (missed, DeliveryState::Pending),
        (late.meta.id, DeliveryState::Exhausted),
    ] {
        assert_eq!(house.present_delivery(delivery).await.record.state, state);
    }
    let again = recover(&house, &client, &id, &body).await.expect(200).json();
    assert_eq!(again, json!({ "recovery": { "redelivered": 0, "missed": 0, "nextSince": null } }));
}

#[tokio::test]
async fn events_that_are_not_the_subscriptions_are_not_missed_by_it() {
    let (house, client) = house().await;
    let first = house.subscription(&client, 0).await;
    house.event(&first).await;
    house.clock().tick();
    // It has nothing of what happened before there was it, nor of what it does not name.
    let (path, _) = house.subscribed(&client).await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    let finding = house.finding(&client, "k").await;
    let close = json!({ "status": "closed", "reason": "because a test says so" });
    house.patch(&format!("/api/v1/governance/findings/{finding}")).by(&client).json(&close).send().await.expect(200);
    let answer = recover(&house, &client, &id, &window("2026-01-01T00:00:00Z", None)).await.expect(200).json();
    assert_eq!(answer["recovery"], json!({ "redelivered": 0, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn a_call_sends_a_thousand_again_the_oldest_first_and_says_where_to_go_on() {
    let (house, client) = house().await;
    let subscription = house.subscription(&client, 0).await;
    let id = subscription.meta.id.to_string();
    let since = house.fixture.now().to_string();
    for number in 0..MOST_RECOVERED + 3 {
        house.clock().tick();
        if number % 2 == 0 {
            house.failed_delivery(&subscription, 10).await;
        } else {
            house.event(&subscription).await;
        }
    }
    let answer = recover(&house, &client, &id, &window(&since, None)).await.expect(200).json();
    let recovery = &answer["recovery"];
    assert_eq!(recovery["redelivered"].as_u64().unwrap() + recovery["missed"].as_u64().unwrap(), 1000);
    let next = house.fixture.now() - Duration::from_millis(2);
    assert_eq!(recovery["nextSince"], next.to_string());
    let rest = recover(&house, &client, &id, &window(recovery["nextSince"].as_str().unwrap(), None)).await;
    assert_eq!(rest.expect(200).json()["recovery"], json!({ "redelivered": 2, "missed": 1, "nextSince": null }));
}

#[tokio::test]
async fn a_window_needs_a_beginning_that_lies_before_its_end() {
    let (house, client) = house().await;
    let id = house.subscription(&client, 0).await.meta.id.to_string();
    let bad = [
        (because(), vec!["since"]),
        (window("yesterday", None), vec!["since"]),
        (window("2026-05-25T00:00:00Z", Some("2026-05-25T00:00:00Z")), vec!["until"]),
        (window("x", Some("y")), vec!["since", "until"]),
    ];
    for (body, paths) in bad {
        assert_eq!(recover(&house, &client, &id, &body).await.expect(400).paths(), paths);
    }
    for extreme in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        recover(&house, &client, &id, &window(extreme, None)).await.expect(200);
    }
}
