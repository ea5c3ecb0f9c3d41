//! Accounts that are disabled, or lose a scope, while deliveries to them are pending.

use std::time::Duration;

use crate::{
    actions::{SCOPES, allow_loopback, client_id, create_finding, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Setup, eventually},
};

const EVENTS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_with_a_backlog_receives_no_more_deliveries() {
    assert_no_deliveries_after(&["disable"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_loses_the_scope_with_a_backlog_receives_no_more_deliveries() {
    assert_no_deliveries_after(&["set-scopes", "--scope", "webhooks:manage"]).await;
}

async fn assert_no_deliveries_after(command: &[&str]) {
    let receiver = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(Installation::new()).unlimited()).start();
    let credentials = server.create_account("integration", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    subscribe(&client, &receiver.url("/gated/one"), &["finding.created"]).await;
    let writer = server.create_client("writer", &SCOPES).await;
    for number in 0..EVENTS {
        create_finding(&writer, &format!("finding-{number}")).await;
    }
    wait_until("the first delivery is sent", Duration::from_secs(10), || receiver.count("/gated/") == 1).await;

    let command = [&["service-account", command[0], client_id(&credentials)], &command[1..]].concat();
    server.installation().run_json(&command);
    receiver.open_gate();
    let database = server.installation().database().await;
    eventually("the remaining deliveries are cancelled", async || {
        let open = "SELECT (SELECT count(*) FROM webhook_deliveries WHERE state IN ('pending', 'failed')) \
             + (SELECT count(*) FROM webhook_queue)";
        (database.cell(open).await == "0").then_some(())
    })
    .await;
    let cancelled = database.cell("SELECT count(*) FROM webhook_deliveries WHERE state = 'cancelled'").await;
    assert_eq!(cancelled, (EVENTS - 1).to_string());
    assert_eq!(receiver.count("/gated/"), 1);
    assert!(server.stop().success());
}
