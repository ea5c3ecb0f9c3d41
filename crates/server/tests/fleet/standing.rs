//! Changes of an account, which every server applies from its next request on.

use std::sync::Arc;

use serde_json::Value;

use crate::support::{Client, Credentials, Fleet, Installation, eventually};

const FINDINGS: &str = "/api/v1/governance/findings";
const READ: &str = "governance.findings:read";

async fn three() -> (Arc<Fleet>, Credentials, Vec<Client>) {
    let servers = Fleet::start(Installation::on_postgres().await, 3);
    let credentials = servers.installation().account("integration", &[READ]);
    let clients = servers.clients(&credentials).await;
    (servers, credentials, clients)
}

fn change(servers: &Fleet, change: &str, credentials: &Credentials, arguments: &[&str]) -> Value {
    servers.installation().json(&[&["service-account", change, &credentials.client_id], arguments].concat())
}

/// The status of the next request to each server.
async fn next(clients: &[Client]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.get(FINDINGS).await.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_and_enabling_act_on_the_very_next_call_to_every_server() {
    let (servers, credentials, clients) = three().await;
    for _ in 0..4 {
        assert_eq!(next(&clients).await, [200; 3]);
        change(&servers, "disable", &credentials, &[]);
        assert_eq!(next(&clients).await, [401; 3]);
        for client in &clients {
            assert_eq!(client.token(&credentials).await.status, 401);
        }
        change(&servers, "enable", &credentials, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_acts_on_calls_under_way_on_every_server() {
    let (servers, credentials, clients) = three().await;
    // Servers under constant load have every opportunity to use a stale cache.
    let callers: Vec<_> = clients
        .iter()
        .map(|client| {
            let client = client.clone();
            tokio::spawn(async move { while client.get(FINDINGS).await.status == 200 {} })
        })
        .collect();
    change(&servers, "disable", &credentials, &[]);
    assert_eq!(next(&clients).await, [401; 3]);
    for caller in callers {
        caller.await.expect("the account is refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_rotated_without_grace_is_refused_by_every_server_and_tokens_stay_good() {
    let (servers, old, clients) = three().await;
    for client in &clients {
        assert_eq!(client.token(&old).await.status, 200);
    }
    let new = Credentials::of(&change(&servers, "rotate", &old, &["--grace", "0s"]));
    for client in &clients {
        assert_eq!(client.token(&old).await.status, 401);
        assert_eq!(client.token(&new).await.status, 200);
    }
    assert_eq!(next(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_is_taken_away_is_missing_on_the_very_next_call_to_every_server() {
    let (servers, credentials, clients) = three().await;
    assert_eq!(next(&clients).await, [200; 3]);
    change(&servers, "set-scopes", &credentials, &["--scope", "governance.controls:read"]);
    assert_eq!(next(&clients).await, [403; 3]);
    change(&servers, "set-scopes", &credentials, &["--scope", READ]);
    assert_eq!(next(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_expires_is_refused_by_every_server_from_that_moment_on() {
    let servers = Fleet::start(Installation::on_postgres().await, 2);
    let database = servers.installation().database().await;
    let later = "SELECT to_char((now() + interval '4 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
    let expiry = database.cell(later).await;
    let create = ["service-account", "create", "--workspace", "default", "--name", "brief", "--scope", READ];
    let credentials =
        Credentials::of(&servers.installation().json(&[&create[..], &["--expires-at", &expiry]].concat()));
    let clients = servers.clients(&credentials).await;
    let is_expired_query = format!("SELECT clock_timestamp() >= '{expiry}'::timestamptz");
    eventually("the account expires", async || {
        // The time is read before the request: a request that begins after the expiry is refused by every server.
        let expired = database.cell(&is_expired_query).await == "t";
        let statuses = next(&clients).await;
        assert!(!expired || statuses == [401; 2], "{statuses:?} after the expiry");
        expired.then_some(())
    })
    .await;
    for client in &clients {
        assert_eq!(client.token(&credentials).await.status, 401);
    }
}
