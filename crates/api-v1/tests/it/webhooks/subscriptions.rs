//! Creating, reading, updating and deleting subscriptions.

use std::sync::Arc;

use scopes::Scope;
use serde_json::{Value, json};
use webhooks::MAX_SUBSCRIPTIONS_PER_ACCOUNT;

use super::{reason_body, setup, subscription_body};
use crate::{
    operations::{PathParams, scoped_operations},
    support::{Call, TestApi, subscriptions_path},
};

fn with_field(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test]
async fn a_created_subscription_has_the_requested_fields_and_notifies_the_dispatcher() {
    let (api, client) = setup().await;
    let (path, response) = api.create_subscription(&client).await;
    let created = response.json()["webhookSubscription"].clone();
    assert_eq!(created["url"], "https://mirror.example/novantra");
    assert_eq!(created["eventTypes"], json!(["finding.created"]));
    assert_eq!(created["status"], "active");
    for absent in ["disabledReason", "lastDeliveryAt", "failingSince"] {
        assert_eq!(created[absent], Value::Null, "{absent}");
    }
    assert_eq!(response.header("location"), path);
    assert_eq!(api.notifier.take_count(), 1);
    let mut fetched = api.get(&path).auth(&client).send().await.expect(200).json()["webhookSubscription"].clone();
    fetched["secret"] = created["secret"].clone();
    assert_eq!(fetched, created);
}

#[tokio::test]
async fn all_errors_of_a_subscription_are_reported_together() {
    let (api, client) = setup().await;
    let bad = json!({ "url": "http://10.0.0.1/", "eventTypes": ["finding.burnt"], "colour": "red", "reason": "short" });
    let response = api.post(subscriptions_path()).auth(&client).json(&bad).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["url", "eventTypes", "reason", "colour"]);
    assert!(response.issue_message("eventTypes").contains("finding.closed"));
}

#[tokio::test]
async fn a_url_that_deliveries_may_not_be_sent_to_is_rejected_on_create_and_update() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    for (url, expected) in [
        ("nonsense", "absolute URL"),
        ("http://mirror.example/", "https://"),
        ("ftp://mirror.example/", "absolute URL"),
        ("https://name:word@mirror.example/", "user name"),
        ("https://mirror.example/#part", "fragment"),
        ("https:///mirror.example", "a host after its scheme"),
        ("https://mirror.example/a b", "https://mirror.example/a%20b"),
        ("https://127.0.0.1/", "public internet"),
        ("https://0x7f.1/", "public internet"),
        ("https://[::ffff:169.254.169.254]/", "public internet"),
        ("https://192.168.0.1:8443/", "public internet"),
    ] {
        let post =
            api.post(subscriptions_path()).auth(&client).json(&with_field(subscription_body(), "url", json!(url)));
        let patch = api.patch(&path).auth(&client).json(&with_field(reason_body(), "url", json!(url)));
        for call in [post, patch] {
            let response = call.send().await.expect(400);
            assert!(response.issue_message("url").contains(expected), "{url}: {}", response.message());
        }
    }
}

#[tokio::test]
async fn event_types_are_a_nonempty_list_of_names_from_the_catalogue() {
    let (api, client) = setup().await;
    for bad in [json!([]), json!("finding.created"), json!([7]), json!(["webhook.test"]), json!(null), json!({})] {
        let call =
            api.post(subscriptions_path()).auth(&client).json(&with_field(subscription_body(), "eventTypes", bad));
        assert_eq!(call.send().await.expect(400).issue_paths(), ["eventTypes"]);
    }
    let twice = with_field(subscription_body(), "eventTypes", json!(["finding.closed", "finding.closed"]));
    let created = api.post(subscriptions_path()).auth(&client).json(&twice).send().await.expect(201);
    assert_eq!(created.json()["webhookSubscription"]["eventTypes"], json!(["finding.closed"]));
}

#[tokio::test]
async fn an_account_without_the_read_scope_of_an_event_cannot_subscribe_to_it() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::WebhooksManage]).await;
    let response = api.subscribe_request(&client).send().await.expect(403);
    assert_eq!(response.error_code(), "forbidden");
    assert!(response.message().contains("governance.findings:read"));
    assert!(response.header("www-authenticate").contains("insufficient_scope"));
}

/// Otherwise such a token could get the secret of a subscription and forge its events, or have events repeated.
#[tokio::test]
async fn a_token_with_fewer_scopes_than_its_account_cannot_act_on_events_it_may_not_read() {
    let (api, client) = setup().await;
    let subscription = api.store_subscription(&client, 0).await;
    let delivery = api.store_failed_delivery(&subscription, 10).await.meta.id;
    let path = format!("{}/{}", subscriptions_path(), subscription.meta.id);
    let token_for = async |scope: &str| {
        let narrow = json!({
            "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret, "scope": scope,
        });
        let token = api.post("/api/v1/auth/token").json(&narrow).send().await.expect(200).json();
        token["access_token"].as_str().unwrap().to_owned()
    };
    let (narrow, wide) = (
        token_for("webhooks:manage").await,
        token_for(&Scope::ALL.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")).await,
    );
    let redeliver = format!("{path}/deliveries/{delivery}/redeliver");
    let recover = with_field(reason_body(), "since", json!("2026-01-01"));
    let test = api.post(&format!("{path}/test")).bearer_auth(&narrow).json(&reason_body()).send().await.expect(200);
    let test = test.json()["webhookDelivery"]["id"].as_str().unwrap().to_owned();
    let calls = |token: &str| {
        [
            api.post(&format!("{path}/rotate-secret")).bearer_auth(token).json(&reason_body()),
            api.post(&redeliver).bearer_auth(token).json(&reason_body()),
            api.post(&format!("{path}/recover")).bearer_auth(token).json(&recover),
        ]
    };
    for call in calls(&narrow) {
        let response = call.send().await.expect(403);
        assert!(response.message().contains("governance.findings:read"), "{}", response.message());
    }
    assert_eq!(api.stored_delivery(delivery).await.record.state, webhooks::DeliveryState::Exhausted);
    // A test event is about no record.
    let again = format!("{path}/deliveries/{test}/redeliver");
    api.post(&again).bearer_auth(&narrow).json(&reason_body()).send().await.expect(200);
    // A disabled subscription may be disabled again and described, but not enabled.
    for (status, expected) in [("disabled", 200), ("disabled", 200), ("active", 403)] {
        let body = with_field(reason_body(), "status", json!(status));
        api.patch(&path).bearer_auth(&narrow).json(&body).send().await.expect(expected);
    }
    let body = with_field(reason_body(), "status", json!("active"));
    api.patch(&path).bearer_auth(&wide).json(&body).send().await.expect(200);
    for call in calls(&wide) {
        call.send().await.expect(200);
    }
}

/// Otherwise a token with fewer scopes than its account could subscribe to events about records that it may not read.
#[tokio::test]
async fn a_token_with_fewer_scopes_than_its_account_cannot_subscribe_to_events_it_may_not_read() {
    let (api, client) = setup().await;
    let narrow = json!({
        "grant_type": "client_credentials", "client_id": client.id(), "client_secret": client.secret,
        "scope": "webhooks:manage",
    });
    let token = api.post("/api/v1/auth/token").json(&narrow).send().await.expect(200).json();
    let token = token["access_token"].as_str().unwrap();
    api.post(subscriptions_path()).bearer_auth(token).json(&subscription_body()).send().await.expect(403);
    let (path, _) = api.create_subscription(&client).await;
    let elsewhere = with_field(reason_body(), "url", json!("https://elsewhere.example/"));
    api.patch(&path).bearer_auth(token).json(&elsewhere).send().await.expect(403);
    let more = with_field(reason_body(), "eventTypes", json!(["finding.closed"]));
    api.patch(&path).bearer_auth(token).json(&more).send().await.expect(403);
    let disabled = with_field(reason_body(), "status", json!("disabled"));
    api.patch(&path).bearer_auth(token).json(&disabled).send().await.expect(200);
}

#[tokio::test]
async fn a_subscription_whose_scope_is_removed_before_its_commit_is_not_created() {
    let api = Arc::new(TestApi::open().await);
    let client = api.full_access_client().await;
    let (hook_api, narrowed) = (Arc::clone(&api), client.clone());
    api.probe.before_next(Call::Commit, move || {
        Box::pin(async move { hook_api.set_scopes(&narrowed, &[Scope::WebhooksManage]).await })
    });
    api.subscribe_request(&client).send().await.expect(403);
    let listed = api.get(subscriptions_path()).auth(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
}

#[tokio::test]
async fn an_account_can_have_fifty_subscriptions_and_a_removed_one_frees_its_slot() {
    let (api, client) = setup().await;
    for slot in 1..MAX_SUBSCRIPTIONS_PER_ACCOUNT {
        api.store_subscription(&client, u8::try_from(slot).unwrap()).await;
    }
    let (path, _) = api.create_subscription(&client).await;
    let response = api.subscribe_request(&client).send().await.expect(422);
    assert!(response.message().contains("already has 50 subscriptions"), "{}", response.message());
    let other = api.full_access_client().await;
    api.create_subscription(&other).await;
    let remove = api.request("DELETE", &format!("{path}?reason=because+a+test+says+so")).auth(&client);
    remove.send().await.expect(204);
    api.create_subscription(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_eight_concurrent_requests_gets_the_last_subscription_slot() {
    let (api, client) = setup().await;
    for slot in 1..MAX_SUBSCRIPTIONS_PER_ACCOUNT {
        api.store_subscription(&client, u8::try_from(slot).unwrap()).await;
    }
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(api.subscribe_request(&client).send())).collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422, 422, 422]);
}

#[tokio::test]
async fn another_account_of_the_organization_sees_neither_a_subscription_nor_its_deliveries() {
    let (api, client) = setup().await;
    let other = api.full_access_client().await;
    let other_params = PathParams::filled_with("none").with_webhooks_of(&api, &other).await;
    let absent = PathParams::absent(&api);
    let is_below = |path: &str| path.contains("{subscriptionId}");
    let mut seen = 0;
    for operation in scoped_operations().filter(|operation| is_below(&operation.path)) {
        seen += 1;
        let before = api.probe.read_count();
        let foreign = other_params.request(&api, operation).auth(&client).send().await.expect(404);
        let between = api.probe.read_count();
        let missing = absent.request(&api, operation).auth(&client).send().await.expect(404);
        assert_eq!(foreign.body_without_request_id(), missing.body_without_request_id(), "{}", operation.id);
        assert_eq!(
            between - before,
            api.probe.read_count() - between,
            "{} made a different number of reads",
            operation.id
        );
    }
    assert_eq!(seen, 9);
    let listed = api.get(subscriptions_path()).auth(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(api.endpoints.take_sent().is_empty(), "a message was sent for another account");
}

/// A delivery belongs to the path of its own subscription, not to that of another one of the same account.
#[tokio::test]
async fn a_delivery_is_not_found_under_another_subscription() {
    let (api, client) = setup().await;
    let params = PathParams::filled_with("none").with_webhooks_of(&api, &client).await;
    let second = api.store_subscription(&client, 7).await.meta.id;
    let path = format!("{}/{second}/deliveries/{}", subscriptions_path(), params.delivery);
    api.get(&path).auth(&client).send().await.expect(404);
    api.post(&format!("{path}/redeliver")).auth(&client).json(&reason_body()).send().await.expect(404);
}

#[tokio::test]
async fn a_patch_leaves_absent_fields_unchanged_and_null_is_rejected() {
    let (api, client) = setup().await;
    let (path, created) = api.create_subscription(&client).await;
    let patch = async |name: &str, value: Value, status: u16| {
        api.patch(&path).auth(&client).json(&with_field(reason_body(), name, value)).send().await.expect(status)
    };
    api.clock().tick();
    let after = patch("description", json!("moved"), 200).await;
    let mut expected = created.json()["webhookSubscription"].clone();
    expected.as_object_mut().unwrap().remove("secret");
    expected["description"] = json!("moved");
    expected["updatedAt"] = json!(api.fixture.now().to_string());
    assert_eq!(after.json()["webhookSubscription"], expected);
    for name in ["url", "description", "eventTypes", "status"] {
        assert_eq!(patch(name, Value::Null, 400).await.issue_paths(), [name]);
    }
    assert_eq!(patch("status", json!("removed"), 400).await.issue_paths(), ["status"]);
    api.patch(&path).auth(&client).json(&reason_body()).send().await.expect(400);
    api.patch(&path)
        .auth(&client)
        .header("if-match", "\"r1\"")
        .json(&with_field(reason_body(), "status", json!("disabled")))
        .send()
        .await
        .expect(412);
}

#[tokio::test]
async fn a_subscription_is_disabled_and_enabled_by_its_status_and_the_audit_log_records_it() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    for (status, reason) in [("disabled", json!("requested")), ("active", Value::Null)] {
        let body = with_field(reason_body(), "status", json!(status));
        let response = api.patch(&path).auth(&client).json(&body).send().await.expect(200).json();
        assert_eq!(response["webhookSubscription"]["status"], status);
        assert_eq!(response["webhookSubscription"]["disabledReason"], reason);
    }
    let entries = api.get("/api/v1/audit/entries?action=webhook_subscription.updated").auth(&client).send().await;
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
async fn a_deleted_subscription_is_gone_together_with_its_secrets() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let delete = api.request("DELETE", &format!("{path}?reason=because+a+test+says+so")).auth(&client);
    let response = delete.clone().idempotency_key("k").send().await.expect(204);
    assert!(response.body.is_empty());
    api.get(&path).auth(&client).send().await.expect(404);
    api.get(&format!("{path}/deliveries")).auth(&client).send().await.expect(404);
    let listed = api.get(subscriptions_path()).auth(&client).send().await.expect(200).json();
    assert_eq!(listed["webhookSubscriptions"], json!([]));
    assert!(delete.clone().idempotency_key("k").send().await.expect(204).is_replayed());
    delete.send().await.expect(404);
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let stored = api.fixture.get::<webhooks::WebhookSubscription>(api.home, id).await.unwrap();
    assert!(stored.record.secrets.is_empty());
}

#[tokio::test]
async fn a_delete_takes_its_reason_from_the_query_and_rejects_a_body() {
    let (api, client) = setup().await;
    let (path, _) = api.create_subscription(&client).await;
    let response = api.request("DELETE", &path).auth(&client).json(&reason_body()).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["query.reason", ""]);
    let entry = api.request("DELETE", &format!("{path}?reason=caf%C3%A9+is+closed")).auth(&client).send().await;
    let entry = entry.expect(204).header("x-request-id").to_owned();
    let log = api.entries_by_request().await;
    assert_eq!(log[&entry][0].entry.reason.as_ref().unwrap().as_str(), "café is closed");
}

#[tokio::test]
async fn the_list_of_subscriptions_can_be_filtered_by_status() {
    let (api, client) = setup().await;
    let (first, _) = api.create_subscription(&client).await;
    api.create_subscription(&client).await;
    api.patch(&first)
        .auth(&client)
        .json(&with_field(reason_body(), "status", json!("disabled")))
        .send()
        .await
        .expect(200);
    for (query, count) in [("", 2), ("?status=disabled", 1), ("?status=active", 1), ("?status=active,disabled", 2)] {
        let listed = api.get(&format!("{}{query}", subscriptions_path())).auth(&client).send().await.expect(200).json();
        assert_eq!(listed["webhookSubscriptions"].as_array().unwrap().len(), count, "{query}");
    }
    api.get(&format!("{}?status=removed", subscriptions_path())).auth(&client).send().await.expect(400);
}

#[tokio::test]
async fn a_subscription_is_sent_back_although_its_deliveries_have_gone_on() {
    let (api, client) = setup().await;
    let (path, created) = api.create_subscription(&client).await;
    let mut record = created.json()["webhookSubscription"].clone();
    record["lastDeliveryAt"] = json!("2026-05-25T14:08:33.000Z");
    record["failingSince"] = json!("2026-05-25T14:08:33.000Z");
    record["description"] = json!("Changed");
    record["reason"] = json!("because a test says so");
    let changed = api.patch(&path).auth(&client).json(&record).send().await.expect(200).json();
    assert_eq!(changed["webhookSubscription"]["description"], "Changed");
    assert_eq!(changed["webhookSubscription"]["lastDeliveryAt"], Value::Null);
}
