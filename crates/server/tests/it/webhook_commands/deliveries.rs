//! The commands `novantra webhooks deliveries` and `redeliver`.

use serde_json::{Value, json};

use super::receiver::WebhookReceiver;
use crate::support::{Client, Server, Setup, eventually, finding};

const SCOPES: [&str; 4] = ["governance.findings:read", "governance.findings:write", "webhooks:manage", "audit:read"];

/// Starts a server with one delivered event; returns it with its client, the receiver and the delivery.
async fn server_with_delivery() -> (Server, Client, WebhookReceiver, Value) {
    let server = Setup::new().unlimited().set("WEBHOOKS_ALLOW_LOOPBACK_HTTP", "true").start();
    let client = server.create_client("mirror", &SCOPES).await;
    let receiver = WebhookReceiver::start();
    let subscription = json!({
        "url": receiver.url, "eventTypes": ["finding.created"], "reason": "subscribed by a test",
    });
    assert_eq!(client.post("/api/v1/webhooks/subscriptions", &subscription).await.status, 201);
    assert_eq!(client.post("/api/v1/governance/findings", &finding("delivered")).await.status, 201);
    receiver.next_post();
    let arguments = ["webhooks", "deliveries", "--workspace", "default", "--status", "delivered"];
    let delivery = eventually("the result of the delivery is recorded", async || {
        server.installation().run_json(&arguments)["deliveries"].get(0).cloned()
    })
    .await;
    (server, client, receiver, delivery)
}

#[tokio::test]
async fn deliveries_are_listed_with_their_outcomes() {
    let (server, _, _, delivery) = server_with_delivery().await;
    let (id, subscription) = (delivery["id"].as_str().unwrap(), delivery["subscription_id"].as_str().unwrap());
    assert_eq!(
        (delivery["event_type"].as_str(), delivery["status"].as_str()),
        (Some("finding.created"), Some("delivered"))
    );
    assert_eq!(delivery["attempts"][0]["status"], 204);
    let list = |arguments: &[&str]| {
        let ran =
            server.installation().run(&[&["webhooks", "deliveries", "--workspace", "default"], arguments].concat());
        assert!(ran.status.success(), "{}", ran.stderr);
        ran.stdout
    };
    let table = list(&["--subscription", subscription]);
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("DELIVERY "), "{table}");
    let row = lines.next().unwrap();
    for cell in [id, subscription, "finding.created", "delivered", "204"] {
        assert!(row.contains(cell), "{table}");
    }
    assert_eq!(list(&["--status", "failed,exhausted"]).lines().count(), 1);
    assert_eq!(list(&["--subscription", "whsub_01HZX3V6T9C6Q4W8N2D5K7M1RB"]).lines().count(), 1);
}

#[tokio::test]
async fn a_redelivery_is_audited_as_an_operator_action() {
    let (server, client, receiver, delivery) = server_with_delivery().await;
    let id = delivery["id"].as_str().unwrap();
    let reason = "the mirror lost its disk";
    let again =
        server.installation().run_json(&["webhooks", "redeliver", id, "--workspace", "default", "--reason", reason]);
    assert_eq!((again["id"].as_str(), again["status"].as_str()), (Some(id), Some("pending")));
    assert_eq!(receiver.next_post().header("webhook-id"), delivery["event_id"].as_str().unwrap());
    let listed = client.get("/api/v1/audit/entries?action=webhook_delivery.redelivered").await;
    let entry = &listed.body["entries"][0];
    assert_eq!((entry["reason"].as_str(), entry["actor"]["kind"].as_str()), (Some(reason), Some("system")));
    assert_eq!(entry["subject"]["id"], id);
}

#[test]
fn unknown_records_exit_with_1_and_invalid_arguments_exit_with_2() {
    let installation = crate::support::Installation::new();
    installation.run_json(&["workspace", "create", "--slug", "acme", "--name", "Acme"]);
    let absent = "whdel_01HZX3V6T9C6Q4W8N2D5K7M1RB";
    for (arguments, status) in [
        (&["redeliver", absent, "--workspace", "acme"][..], 1),
        (&["redeliver", absent, "--workspace", "nowhere"], 1),
        (&["redeliver", "whsub_01HZX3V6T9C6Q4W8N2D5K7M1RB", "--workspace", "acme"], 2),
        (&["redeliver", absent, "--workspace", "acme", "--reason", "short"], 2),
        (&["deliveries", "--workspace", "nowhere"], 1),
        (&["deliveries", "--workspace", "acme", "--status", "lost"], 2),
        (&["deliveries", "--workspace", "acme", "--limit", "0"], 2),
        (&["deliveries", "--workspace", "acme"], 0),
    ] {
        let ran = installation.run(&[&["webhooks"], arguments].concat());
        assert_eq!(ran.status.code(), Some(status), "{arguments:?}: {}", ran.stderr);
    }
}
