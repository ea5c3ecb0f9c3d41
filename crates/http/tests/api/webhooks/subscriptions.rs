//! Creating, reading, updating and deleting subscriptions.

use std::sync::Arc;

use scopes::Scope;
use serde_json::{Value, json};
use webhooks::MAX_SUBSCRIPTIONS_PER_ACCOUNT;

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
    let (api, client) = house().await;
    let (path, response) = api.subscribed(&client).await;
    let created = response.json()["webhookSubscription"].clone();
    assert_eq!(created["url"], "https://mirror.example/novantra");
    assert_eq!(created["eventTypes"], json!(["finding.created"]));
    assert_eq!(created["status"], "active");
    for absent in ["disabledReason", "lastDeliveryAt", "failingSince"] {
        assert_eq!(created[absent], Value::Null, "{absent}");
    }
    assert_eq!(response.header("location"), path);
    assert_eq!(api.bell.rings(), 1);
    let mut fetched = api.get(&path).by(&client).send().await.expect(200).json()["webhookSubscription"].clone();
    fetched["secret"] = created["secret"].clone();
    assert_eq!(fetched, created);
}

#[tokio::test]
async fn every_fault_of_a_subscription_is_told_at_once() {
    let (api, client) = house().await;
    let bad = json!({ "url": "http://10.0.0.1/", "eventTypes": ["finding.burnt"], "colour": "red", "reason": "short" });
    let response = api.post(subscriptions_path()).by(&client).json(&bad).send().await.expect(400);
    assert_eq!(response.paths(), ["url", "eventTypes", "reason", "colour"]);
    assert!(response.issue("eventTypes").contains("finding.closed"));
}

#[tokio::test]
async fn a_url_that_deliveries_do_not_go_to_is_refused_when_it_is_named() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    for (url, expected) in [
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
        let post = api.post(subscriptions_path()).by(&client).json(&with(body(), "url", json!(url)));
        let patch = api.patch(&path).by(&client).json(&with(because(), "url", json!(url)));
        for call in [post, patch] {
            let response = call.send().await.expect(400);
            assert!(response.issue("url").contains(expected), "{url}: {}", response.message());
        }
    }
}

#[tokio::test]
async fn event_types_are_a_list_of_at_least_one_word_of_the_catalogue() {
    let (api, client) = house().await;
    for bad in [json!([]), json!("finding.created"), json!([7]), json!(["webhook.test"]), json!(null), json!({})] {
        let call = api.post(subscriptions_path()).by(&client).json(&with(body(), "eventTypes", bad));
        assert_eq!(call.send().await.expect(400).paths(), ["eventTypes"]);
    }
    let twice = with(body(), "eventTypes", json!(["finding.closed", "finding.closed"]));
    let created = api.post(subscriptions_path()).by(&client).json(&twice).send().await.expect(201);
    assert_eq!(created.json()["webhookSubscription"]["eventTypes"], json!(["finding.closed"]));
}

#[tokio::test]
async fn who_may_not_read_an_events_resource_subscribes_to_none_of_them() {
    let api = House::open().await;
    let client = api.client(api.home, &[Scope::WebhooksManage]).await;
    let response = api.subscribe(&client).send().await.expect(403);
    assert_eq!(response.error(), "forbidden");
    assert!(response.message().contains("governance.findings:read"));
    assert!(response.header("www-authenticate").contains("insufficient_scope"));
}

/// Otherwise a token with fewer scopes than its account could subscribe to events about records that it may not read.
#[tokio::test]
async fn a_token_for_less_than_its_account_subscribes_to_no_more_than_it_may_read() {
    let (api, client) = house().await;
    let narrow = json!({
        "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret,
        "scope": "webhooks:manage",
    });
    let token = api.post("/api/v1/auth/token").json(&narrow).send().await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    api.post(subscriptions_path()).bearer(token).json(&body()).send().await.expect(403);
    let (path, _) = api.subscribed(&client).await;
    let elsewhere = with(because(), "url", json!("https://elsewhere.example/"));
    api.patch(&path).bearer(token).json(&elsewhere).send().await.expect(403);
    let more = with(because(), "eventTypes", json!(["finding.closed"]));
    api.patch(&path).bearer(token).json(&more).send().await.expect(403);
    let disabled = with(because(), "status", json!("disabled"));
    api.patch(&path).bearer(token).json(&disabled).send().await.expect(200);
}

#[tokio::test]
async fn a_scope_taken_between_decision_and_commit_makes_no_subscription() {
    let api = Arc::new(House::open().await);
    let client = api.everyone().await;
    let (hook_api, narrowed) = (Arc::clone(&api), client.clone());
    api.watched.before_next(Port::Commit, move || {
        Box::pin(async move { hook_api.rescope(&narrowed, &[Scope::WebhooksManage]).await })
    });
    api.subscribe(&client).send().await.expect(403);
    let listed = api.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
}

#[tokio::test]
async fn an_account_has_fifty_subscriptions_and_a_place_for_each_it_gives_up() {
    let (api, client) = house().await;
    for slot in 1..MAX_SUBSCRIPTIONS_PER_ACCOUNT {
        api.subscription(&client, u8::try_from(slot).unwrap()).await;
    }
    let (path, _) = api.subscribed(&client).await;
    let response = api.subscribe(&client).send().await.expect(422);
    assert!(response.message().contains("already has 50 subscriptions"), "{}", response.message());
    let other = api.everyone().await;
    api.subscribed(&other).await;
    let remove = api.call("DELETE", &format!("{path}?reason=because+a+test+says+so")).by(&client);
    remove.send().await.expect(204);
    api.subscribed(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_who_take_the_last_place_one_gets_it() {
    let (api, client) = house().await;
    for slot in 1..MAX_SUBSCRIPTIONS_PER_ACCOUNT {
        api.subscription(&client, u8::try_from(slot).unwrap()).await;
    }
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(api.subscribe(&client).send())).collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
}

#[tokio::test]
async fn another_account_of_the_organization_sees_no_subscription_nor_anything_below_it() {
    let (api, client) = house().await;
    let other = api.everyone().await;
    let other_params = Places::all_being("none").owned_by(&api, &other).await;
    let absent = Places {
        subscription: api.fixture.id::<webhooks::WebhookSubscription>().to_string(),
        delivery: api.fixture.id::<webhooks::WebhookDelivery>().to_string(),
        ..Places::all_being("none")
    };
    let is_below = |path: &str| path.contains("{subscriptionId}");
    let mut seen = 0;
    for operation in scoped().filter(|operation| is_below(&operation.path)) {
        seen += 1;
        let before = api.watched.reads();
        let foreign = other_params.call(&api, operation).by(&client).send().await.expect(404);
        let between = api.watched.reads();
        let missing = absent.call(&api, operation).by(&client).send().await.expect(404);
        assert_eq!(foreign.anonymous(), missing.anonymous(), "{}", operation.id);
        assert_eq!(
            between - before,
            api.watched.reads() - between,
            "{} made a different number of reads",
            operation.id
        );
    }
    assert_eq!(seen, 9);
    let listed = api.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(api.endpoints.sent().is_empty(), "a message was sent for another account");
}

/// A delivery belongs to the path of its own subscription, not to that of another one of the same account.
#[tokio::test]
async fn a_delivery_of_another_subscription_is_not_there() {
    let (api, client) = house().await;
    let params = Places::all_being("none").owned_by(&api, &client).await;
    let second = api.subscription(&client, 7).await.meta.id;
    let path = format!("{}/{second}/deliveries/{}", subscriptions_path(), params.delivery);
    api.get(&path).by(&client).send().await.expect(404);
    api.post(&format!("{path}/redeliver")).by(&client).json(&because()).send().await.expect(404);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name_and_null_clears_nothing() {
    let (api, client) = house().await;
    let (path, created) = api.subscribed(&client).await;
    let patch = async |name: &str, value: Value, status: u16| {
        api.patch(&path).by(&client).json(&with(because(), name, value)).send().await.expect(status)
    };
    let after = patch("description", json!("moved"), 200).await;
    let mut expected = created.json()["webhookSubscription"].clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["description"] = json!("moved");
    assert_eq!(after.json()["webhookSubscription"], expected);
    for name in ["url", "description", "eventTypes", "status"] {
        assert_eq!(patch(name, Value::Null, 400).await.paths(), [name]);
    }
    assert_eq!(patch("status", json!("removed"), 400).await.paths(), ["status"]);
    api.patch(&path).by(&client).json(&because()).send().await.expect(400);
    api.patch(&path)
        .by(&client)
        .header("if-match", "\"r1\"")
        .json(&with(because(), "status", json!("disabled")))
        .send()
        .await
        .expect(412);
}

#[tokio::test]
async fn a_subscription_is_disabled_and_enabled_by_its_status_and_the_log_says_so() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    for (status, reason) in [("disabled", json!("requested")), ("active", Value::Null)] {
        let body = with(because(), "status", json!(status));
        let response = api.patch(&path).by(&client).json(&body).send().await.expect(200).json();
        assert_eq!(response["webhookSubscription"]["status"], status);
        assert_eq!(response["webhookSubscription"]["disabledReason"], reason);
    }
    let entries = api.get("/api/v1/audit/entries?action=webhook_subscription.updated").by(&client).send().await;
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
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    let delete = api.call("DELETE", &format!("{path}?reason=because+a+test+says+so")).by(&client);
    let response = delete.clone().key("k").send().await.expect(204);
    assert!(response.body.is_empty());
    api.get(&path).by(&client).send().await.expect(404);
    api.get(&format!("{path}/deliveries")).by(&client).send().await.expect(404);
    let listed = api.get(subscriptions_path()).by(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(delete.clone().key("k").send().await.expect(204).is_replayed());
    delete.send().await.expect(404);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let stored = api.fixture.get::<webhooks::WebhookSubscription>(api.home, id).await.unwrap();
    assert!(stored.record.secrets.is_empty());
}

#[tokio::test]
async fn a_delete_takes_its_reason_from_the_query_and_no_body() {
    let (api, client) = house().await;
    let (path, _) = api.subscribed(&client).await;
    let response = api.call("DELETE", &path).by(&client).json(&because()).send().await.expect(400);
    assert_eq!(response.paths(), ["query.reason", ""]);
    let entry = api.call("DELETE", &format!("{path}?reason=caf%C3%A9+is+closed")).by(&client).send().await;
    let entry = entry.expect(204).header("x-request-id").to_owned();
    let log = api.entries_by_request().await;
    assert_eq!(log[&entry][0].entry.reason.as_ref().unwrap().as_str(), "café is closed");
}

#[tokio::test]
async fn the_list_of_subscriptions_can_be_narrowed_to_those_that_are_disabled() {
    let (api, client) = house().await;
    let (first, _) = api.subscribed(&client).await;
    api.subscribed(&client).await;
    api.patch(&first).by(&client).json(&with(because(), "status", json!("disabled"))).send().await.expect(200);
    for (query, count) in [("", 2), ("?status=disabled", 1), ("?status=active", 1), ("?status=active,disabled", 2)] {
        let listed = api.get(&format!("{}{query}", subscriptions_path())).by(&client).send().await.expect(200).json();
        assert_eq!(listed["webhookSubscriptions"].as_array().unwrap().len(), count, "{query}");
    }
    api.get(&format!("{}?status=removed", subscriptions_path())).by(&client).send().await.expect(400);
}
