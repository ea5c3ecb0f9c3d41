//! Changes of an account, which every server applies from its next request on.

use std::sync::Arc;

use serde_json::Value;

use crate::support::{Client, Credentials, Installation, ServerCluster, eventually};

const FINDINGS: &str = "/api/v1/governance/findings";
const READ: &str = "governance.findings:read";

async fn start_three_servers() -> (Arc<ServerCluster>, Credentials, Vec<Client>) {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 3);
    let credentials = servers.installation().create_account("integration", &[READ]);
    let clients = servers.clients(&credentials).await;
    (servers, credentials, clients)
}

fn change(servers: &ServerCluster, change: &str, credentials: &Credentials, arguments: &[&str]) -> Value {
    servers.installation().run_json(&[&["service-account", change, &credentials.client_id], arguments].concat())
}

/// The status of the next request to each server.
async fn next_statuses(clients: &[Client]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.get(FINDINGS).await.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_and_enabling_take_effect_on_the_next_request_to_every_server() {
    let (servers, credentials, clients) = start_three_servers().await;
    for _ in 0..4 {
        assert_eq!(next_statuses(&clients).await, [200; 3]);
        change(&servers, "disable", &credentials, &[]);
        assert_eq!(next_statuses(&clients).await, [401; 3]);
        for client in &clients {
            assert_eq!(client.request_token(&credentials).await.status, 401);
        }
        change(&servers, "enable", &credentials, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_takes_effect_immediately_on_busy_servers() {
    let (servers, credentials, clients) = start_three_servers().await;
    // Servers under constant load have every opportunity to use a stale cache.
    let callers: Vec<_> = clients
        .iter()
        .map(|client| {
            let client = client.clone();
            tokio::spawn(async move { while client.get(FINDINGS).await.status == 200 {} })
        })
        .collect();
    change(&servers, "disable", &credentials, &[]);
    assert_eq!(next_statuses(&clients).await, [401; 3]);
    for caller in callers {
        caller.await.expect("the account is refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_rotated_without_grace_is_refused_by_every_server_and_tokens_stay_valid() {
    let (servers, old, clients) = start_three_servers().await;
    for client in &clients {
        assert_eq!(client.request_token(&old).await.status, 200);
    }
    let new = Credentials::from_json(&change(&servers, "rotate", &old, &["--grace", "0s"]));
    for client in &clients {
        assert_eq!(client.request_token(&old).await.status, 401);
        assert_eq!(client.request_token(&new).await.status, 200);
    }
    assert_eq!(next_statuses(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_scope_is_missing_on_the_next_request_to_every_server() {
    let (servers, credentials, clients) = start_three_servers().await;
    assert_eq!(next_statuses(&clients).await, [200; 3]);
    change(&servers, "set-scopes", &credentials, &["--scope", "governance.controls:read"]);
    assert_eq!(next_statuses(&clients).await, [403; 3]);
    change(&servers, "set-scopes", &credentials, &["--scope", READ]);
    assert_eq!(next_statuses(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_refused_by_every_server_from_its_expiry_on() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let database = servers.installation().database().await;
    let later = "SELECT to_char((now() + interval '4 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
    let expiry = database.cell(later).await;
    let create = ["service-account", "create", "--workspace", "default", "--name", "brief", "--scope", READ];
    let credentials =
        Credentials::from_json(&servers.installation().run_json(&[&create[..], &["--expires-at", &expiry]].concat()));
    let clients = servers.clients(&credentials).await;
    let is_expired_query = format!("SELECT clock_timestamp() >= '{expiry}'::timestamptz");
    eventually("the account expires", async || {
        // The time is read before the request: a request that begins after the expiry is refused by every server.
        let expired = database.cell(&is_expired_query).await == "t";
        let statuses = next_statuses(&clients).await;
        assert!(!expired || statuses == [401; 2], "{statuses:?} after the expiry");
        expired.then_some(())
    })
    .await;
    for client in &clients {
        assert_eq!(client.request_token(&credentials).await.status, 401);
    }
}
