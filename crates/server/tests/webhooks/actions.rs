//! Shorthands for subscribing and for changing records.

use serde_json::{Value, json};

use crate::support::{Client, Credentials, PollTimer, Setup, finding};

pub(crate) const SCOPES: [&str; 3] = ["webhooks:manage", "governance.findings:read", "governance.findings:write"];

pub(crate) const FINDINGS: &str = "/api/v1/governance/findings";

const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";

/// Allows a server to deliver to this machine. A proxy setting of the environment must not apply to such deliveries.
pub(crate) fn allow_loopback(setup: Setup) -> Setup {
    setup.set("WEBHOOKS_ALLOW_LOOPBACK_HTTP", "true").environment("http_proxy", "http://127.0.0.1:1")
}

/// Creates a subscription and returns its id.
pub(crate) async fn subscribe(client: &Client, url: &str, events: &[&str]) -> String {
    let body = json!({ "url": url, "eventTypes": events, "reason": "subscribed by a test of the program" });
    let created = client.post_with_key(SUBSCRIPTIONS, url, &body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["webhookSubscription"]["id"].as_str().expect("an id").to_owned()
}

/// Returns the subscription as the API shows it.
pub(crate) async fn get_subscription(client: &Client, id: &str) -> Value {
    let answer = client.get(&format!("{SUBSCRIPTIONS}/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["webhookSubscription"].clone()
}

/// Returns all deliveries of a subscription.
pub(crate) async fn list_deliveries(client: &Client, id: &str) -> Vec<Value> {
    client.list_all(&format!("{SUBSCRIPTIONS}/{id}/deliveries"), "webhookDeliveries").await
}

/// Creates a finding and returns its id.
pub(crate) async fn create_finding(client: &Client, key: &str) -> String {
    let created = client.post_with_key(FINDINGS, key, &finding(key)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["finding"]["id"].as_str().expect("an id").to_owned()
}

/// Updates a finding; `turn` distinguishes one change from another.
pub(crate) async fn update_finding(client: &Client, id: &str, turn: usize) {
    let severity = ["medium", "high", "low"][turn % 3];
    let title = format!("Change {turn}");
    let body = json!({ "severity": severity, "title": title, "reason": "changed by a test of the program" });
    let changed = client.patch_with_key(&format!("{FINDINGS}/{id}"), &format!("{id}-{turn}"), &body).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

/// Waits until a condition holds.
pub(crate) async fn wait_until(what: &str, timeout: std::time::Duration, condition: impl Fn() -> bool) {
    let mut timer = PollTimer::new(what, timeout);
    while !condition() {
        timer.tick().await;
    }
}

/// The client id of an account.
pub(crate) fn client_id(credentials: &Credentials) -> &str {
    &credentials.client_id
}
