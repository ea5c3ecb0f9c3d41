//! An account that subscribes, and records that things happen to.

use serde_json::{Value, json};

use crate::support::{Client, Credentials, Pace, Setup, finding};

pub(crate) const SCOPES: [&str; 3] = ["webhooks:manage", "governance.findings:read", "governance.findings:write"];

pub(crate) const FINDINGS: &str = "/api/v1/governance/findings";

const SUBSCRIPTIONS: &str = "/api/v1/webhooks/subscriptions";

/// The same server, allowed to send to this machine, which no proxy of the environment keeps it from.
pub(crate) fn to_this_machine(setup: Setup) -> Setup {
    setup.set("WEBHOOKS_ALLOW_LOOPBACK_HTTP", "true").environment("http_proxy", "http://127.0.0.1:1")
}

/// Subscribes, and says which subscription that is.
pub(crate) async fn subscribe(client: &Client, url: &str, events: &[&str]) -> String {
    let body = json!({ "url": url, "eventTypes": events, "reason": "subscribed by a test of the program" });
    let made = client.post_once(SUBSCRIPTIONS, url, &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["webhookSubscription"]["id"].as_str().expect("an id").to_owned()
}

/// The subscription as its account sees it.
pub(crate) async fn subscription(client: &Client, id: &str) -> Value {
    let answer = client.get(&format!("{SUBSCRIPTIONS}/{id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["webhookSubscription"].clone()
}

/// The deliveries of a subscription.
pub(crate) async fn deliveries(client: &Client, id: &str) -> Vec<Value> {
    client.all(&format!("{SUBSCRIPTIONS}/{id}/deliveries"), "webhookDeliveries").await
}

/// Records a finding, and says which it is.
pub(crate) async fn record(client: &Client, key: &str) -> String {
    let made = client.post_once(FINDINGS, key, &finding(key)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["finding"]["id"].as_str().expect("an id").to_owned()
}

/// Changes a finding's severity; `turn` tells one change from the other.
pub(crate) async fn change(client: &Client, id: &str, turn: usize) {
    let severity = ["medium", "high", "low"][turn % 3];
    let title = format!("Change {turn}");
    let body = json!({ "severity": severity, "title": title, "reason": "changed by a test of the program" });
    let changed = client.patch_once(&format!("{FINDINGS}/{id}"), &format!("{id}-{turn}"), &body).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, patience: std::time::Duration, holds: impl Fn() -> bool) {
    let mut pace = Pace::until(what, patience);
    while !holds() {
        pace.tick().await;
    }
}

/// The client id of an account.
pub(crate) fn name(credentials: &Credentials) -> &str {
    &credentials.client_id
}
