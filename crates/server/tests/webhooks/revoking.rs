//! Accounts that are disabled, or lose a scope, while deliveries to them are pending.

use std::time::Duration;

use crate::{
    receiver::Receiver,
    stage::{SCOPES, name, record, subscribe, to_this_machine, until},
    support::{Client, Installation, Setup, eventually},
};

const EVENTS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_disabled_in_mid_backlog_is_sent_nothing_more() {
    nothing_more_after(&["disable"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_loses_the_scope_in_mid_backlog_is_sent_nothing_more() {
    nothing_more_after(&["set-scopes", "--scope", "webhooks:manage"]).await;
}

async fn nothing_more_after(command: &[&str]) {
    let receiver = Receiver::start().await;
    let server = to_this_machine(Setup::over(Installation::new()).unlimited()).start();
    let credentials = server.account("integration", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    subscribe(&client, &receiver.url("/gated/one"), &["finding.created"]).await;
    let writer = server.client("writer", &SCOPES).await;
    for number in 0..EVENTS {
        record(&writer, &format!("finding-{number}")).await;
    }
    until("the first delivery is sent", Duration::from_secs(10), || receiver.count("/gated/") == 1).await;

    let command = [&["service-account", command[0], name(&credentials)], &command[1..]].concat();
    server.installation().json(&command);
    receiver.open();
    let database = server.installation().database().await;
    eventually("the remaining deliveries are cancelled", async || {
        let open = "SELECT count(*) FROM webhook_deliveries WHERE state IN ('pending', 'failed')";
        (database.cell(open).await == "0").then_some(())
    })
    .await;
    let cancelled = database.cell("SELECT count(*) FROM webhook_deliveries WHERE state = 'cancelled'").await;
    assert_eq!(cancelled, (EVENTS - 1).to_string());
    assert_eq!(receiver.count("/gated/"), 1);
    assert!(server.stop().success());
}
