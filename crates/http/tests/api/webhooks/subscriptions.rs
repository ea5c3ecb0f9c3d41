//! Making, seeing, changing and removing subscriptions.

use std::sync::Arc;

use scopes::Scope;
use serde_json::{Value, json};
use webhooks::MOST_PER_ACCOUNT;

use super::{because, body, house};
use crate::{
    operations::{Places, scoped},
    support::{House, Port, subscriptions_path},
};

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test]
async fn a_subscription_is_what_was_asked_for_and_rings_the_bell() {
    let (house, client) = house().await;
    let (path, answer) = house.subscribed(&client).await;
    let made = answer.json()["webhookSubscription"].clone();
    assert_eq!(made["url"], "https://mirror.example/novantra");
    assert_eq!(made["eventTypes"], json!(["finding.created"]));
    assert_eq!(made["status"], "active");
    for absent in ["disabledReason", "lastDeliveryAt", "failingSince"] {
        assert_eq!(made[absent], Value::Null, "{absent}");
    }
    assert_eq!(answer.header("location"), path);
    assert_eq!(house.bell.rings(), 1);
    let mut shown = house.get(&path).by(&client).send().await.expect(200).json()["webhookSubscription"].clone();
    shown["secret"] = made["secret"].clone();
    assert_eq!(shown, made);
}

#[tokio::test]
async fn every_fault_of_a_subscription_is_told_at_once() {
    let (house, client) = house().await;
    let bad = json!({ "url": "http://10.0.0.1/", "eventTypes": ["finding.burnt"], "colour": "red", "reason": "short" });
    let answer = house.post(subscriptions_path()).by(&client).json(&bad).send().await.expect(400);
    assert_eq!(answer.paths(), ["url", "eventTypes", "reason", "colour"]);
    assert!(answer.issue("eventTypes").contains("finding.closed"));
}

#[tokio::test]
async fn a_url_that_deliveries_do_not_go_to_is_refused_when_it_is_named() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    for (url, says) in [
        ("nonsense", "absolute URL"),
        ("http://mirror.example/", "https://"),
        ("ftp://mirror.example/", "absolute URL"),
        ("https://name:word@mirror.example/", "user name"),
        ("https://mirror.example/#part", "fragment"),
        ("https://127.0.0.1/", "public internet"),
        ("https://0x7f.1/", "public internet"),
        ("https://[::ffff:169.254.169.254]/", "public internet"),
        ("https://192.168.0.1:8443/", "public internet"),
    ] {
        let post = house.post(subscriptions_path()).by(&client).json(&with(body(), "url", json!(url)));
        let patch = house.patch(&path).by(&client).json(&with(because(), "url", json!(url)));
        for call in [post, patch] {
            let answer = call.send().await.expect(400);
            assert!(answer.issue("url").contains(says), "{url}: {}", answer.message());
        }
    }
}

#[tokio::test]
async fn event_types_are_a_list_of_at_least_one_word_of_the_catalogue() {
    let (house, client) = house().await;
    for bad in [json!([]), json!("finding.created"), json!([7]), json!(["webhook.test"]), json!(null), json!({})] {
        let call = house.post(subscriptions_path()).by(&client).json(&with(body(), "eventTypes", bad));
        assert_eq!(call.send().await.expect(400).paths(), ["eventTypes"]);
    }
    let twice = with(body(), "eventTypes", json!(["finding.closed", "finding.closed"]));
    let made = house.post(subscriptions_path()).by(&client).json(&twice).send().await.expect(201);
    assert_eq!(made.json()["webhookSubscription"]["eventTypes"], json!(["finding.closed"]));
}

#[tokio::test]
async fn who_may_not_read_an_events_resource_subscribes_to_none_of_them() {
    let house = House::open().await;
    let client = house.client(house.home, &[Scope::WebhooksManage]).await;
    let answer = house.subscribe(&client).send().await.expect(403);
    assert_eq!(answer.error(), "forbidden");
    assert!(answer.message().contains("governance.findings:read"));
    assert!(answer.header("www-authenticate").contains("insufficient_scope"));
}

/// Else a token for less than its account could have itself told what it may not read.
#[tokio::test]
async fn a_token_for_less_than_its_account_subscribes_to_no_more_than_it_may_read() {
    let (house, client) = house().await;
    let narrow = json!({
        "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret,
        "scope": "webhooks:manage",
    });
    let token = house.post("/api/v1/auth/token").json(&narrow).send().await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    house.post(subscriptions_path()).bearer(token).json(&body()).send().await.expect(403);
    let (path, _) = house.subscribed(&client).await;
    let elsewhere = with(because(), "url", json!("https://elsewhere.example/"));
    house.patch(&path).bearer(token).json(&elsewhere).send().await.expect(403);
    let more = with(because(), "eventTypes", json!(["finding.closed"]));
    house.patch(&path).bearer(token).json(&more).send().await.expect(403);
    let disabled = with(because(), "status", json!("disabled"));
    house.patch(&path).bearer(token).json(&disabled).send().await.expect(200);
}

#[tokio::test]
async fn a_scope_taken_between_decision_and_commit_makes_no_subscription() {
    let house = Arc::new(House::open().await);
    let client = house.everyone().await;
    let (there, narrowed) = (Arc::clone(&house), client.clone());
    house.watched.before_next(Port::Commit, move || {
        Box::pin(async move { there.rescope(&narrowed, &[Scope::WebhooksManage]).await })
    });
    house.subscribe(&client).send().await.expect(403);
    let listed = house.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
}

#[tokio::test]
async fn an_account_has_fifty_subscriptions_and_a_place_for_each_it_gives_up() {
    let (house, client) = house().await;
    for place in 1..MOST_PER_ACCOUNT {
        house.subscription(&client, u8::try_from(place).unwrap()).await;
    }
    let (path, _) = house.subscribed(&client).await;
    let answer = house.subscribe(&client).send().await.expect(422);
    assert!(answer.message().contains("at most 50"), "{}", answer.message());
    let other = house.everyone().await;
    house.subscribed(&other).await;
    let remove = house.call("DELETE", &format!("{path}?reason=because+a+test+says+so")).by(&client);
    remove.send().await.expect(204);
    house.subscribed(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_take_the_last_place_one_gets_it() {
    let (house, client) = house().await;
    for place in 1..MOST_PER_ACCOUNT {
        house.subscription(&client, u8::try_from(place).unwrap()).await;
    }
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(house.subscribe(&client).send())).collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
}

#[tokio::test]
async fn another_account_of_the_organization_sees_no_subscription_nor_anything_below_it() {
    let (house, client) = house().await;
    let other = house.everyone().await;
    let theirs = Places::all_being("none").owned_by(&house, &other).await;
    let absent = Places {
        subscription: house.fixture.id::<webhooks::WebhookSubscription>().to_string(),
        delivery: house.fixture.id::<webhooks::WebhookDelivery>().to_string(),
        ..Places::all_being("none")
    };
    let below = |path: &str| path.contains("{subscriptionId}");
    let mut seen = 0;
    for operation in scoped().filter(|operation| below(&operation.path)) {
        seen += 1;
        let begun = house.watched.reads();
        let foreign = theirs.call(&house, operation).by(&client).send().await.expect(404);
        let between = house.watched.reads();
        let missing = absent.call(&house, operation).by(&client).send().await.expect(404);
        assert_eq!(foreign.anonymous(), missing.anonymous(), "{}", operation.id);
        assert_eq!(between - begun, house.watched.reads() - between, "{} did other work", operation.id);
    }
    assert_eq!(seen, 9);
    let listed = house.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(house.endpoints.sent().is_empty(), "something was sent for another");
}

/// A delivery is below the subscription it is to, and below no other of the same account.
#[tokio::test]
async fn a_delivery_of_another_subscription_is_not_there() {
    let (house, client) = house().await;
    let places = Places::all_being("none").owned_by(&house, &client).await;
    let second = house.subscription(&client, 7).await.meta.id;
    let path = format!("{}/{second}/deliveries/{}", subscriptions_path(), places.delivery);
    house.get(&path).by(&client).send().await.expect(404);
    house.post(&format!("{path}/redeliver")).by(&client).json(&because()).send().await.expect(404);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_null_clears_nothing() {
    let (house, client) = house().await;
    let (path, made) = house.subscribed(&client).await;
    let patch = async |name: &str, value: Value, status: u16| {
        house.patch(&path).by(&client).json(&with(because(), name, value)).send().await.expect(status)
    };
    let after = patch("description", json!("moved"), 200).await;
    let mut expected = made.json()["webhookSubscription"].clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["description"] = json!("moved");
    assert_eq!(after.json()["webhookSubscription"], expected);
    for name in ["url", "description", "eventTypes", "status"] {
        assert_eq!(patch(name, Value::Null, 400).await.paths(), [name]);
    }
    assert_eq!(patch("status", json!("removed"), 400).await.paths(), ["status"]);
    house.patch(&path).by(&client).json(&because()).send().await.expect(400);
    house
        .patch(&path)
        .by(&client)
        .header("if-match", "\"r1\"")
        .json(&with(because(), "status", json!("disabled")))
        .send()
        .await
        .expect(412);
}

#[tokio::test]
async fn a_subscription_is_disabled_and_enabled_by_its_status_and_the_log_says_so() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    for (status, reason) in [("disabled", json!("requested")), ("active", Value::Null)] {
        let body = with(because(), "status", json!(status));
        let answer = house.patch(&path).by(&client).json(&body).send().await.expect(200).json();
        assert_eq!(answer["webhookSubscription"]["status"], status);
        assert_eq!(answer["webhookSubscription"]["disabledReason"], reason);
    }
    let entries = house.get("/api/v1/audit/entries?action=webhook_subscription.updated").by(&client).send().await;
    let entry = &entries.json()["entries"][1];
    assert_eq!(entry["subject"]["type"], "webhook_subscription");
    assert_eq!(
        entry["changes"],
        json!([
            { "field": "status", "before": "active", "after": "disabled" },
            { "field": "disabledReason", "before": null, "after": "requested" },
        ])
    );
}

#[tokio::test]
async fn a_removed_subscription_is_gone_with_its_secrets() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    let delete = house.call("DELETE", &format!("{path}?reason=because+a+test+says+so")).by(&client);
    let answer = delete.clone().key("k").send().await.expect(204);
    assert!(answer.body.is_empty());
    house.get(&path).by(&client).send().await.expect(404);
    house.get(&format!("{path}/deliveries")).by(&client).send().await.expect(404);
    let listed = house.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(delete.clone().key("k").send().await.expect(204).is_replayed());
    delete.send().await.expect(404);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let kept = house.fixture.get::<webhooks::WebhookSubscription>(house.home, id).await.unwrap();
    assert!(kept.record.secrets.is_empty());
}

#[tokio::test]
async fn a_delete_takes_its_reason_from_the_query_and_no_body() {
    let (house, client) = house().await;
    let (path, _) = house.subscribed(&client).await;
    let answer = house.call("DELETE", &path).by(&client).json(&because()).send().await.expect(400);
    assert_eq!(answer.paths(), ["query.reason", ""]);
    let entry = house.call("DELETE", &format!("{path}?reason=caf%C3%A9+is+closed")).by(&client).send().await;
    let entry = entry.expect(204).header("x-request-id").to_owned();
    let log = house.entries_by_request().await;
    assert_eq!(log[&entry][0].entry.reason.as_ref().unwrap().as_str(), "café is closed");
}

#[tokio::test]
async fn the_list_of_subscriptions_can_be_narrowed_to_those_that_are_disabled() {
    let (house, client) = house().await;
    let (first, _) = house.subscribed(&client).await;
    house.subscribed(&client).await;
    house.patch(&first).by(&client).json(&with(because(), "status", json!("disabled"))).send().await.expect(200);
    for (query, count) in [("", 2), ("?status=disabled", 1), ("?status=active", 1), ("?status=active,disabled", 2)] {
        let listed = house.get(&format!("{}{query}", subscriptions_path())).by(&client).send().await.expect(200).json();
        assert_eq!(listed["webhookSubscriptions"].as_array().unwrap().len(), count, "{query}");
    }
    house.get(&format!("{}?status=removed", subscriptions_path())).by(&client).send().await.expect(400);
}
