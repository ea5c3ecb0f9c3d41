//! Changes of an account, which every server acts on at its very next call.

use std::sync::Arc;

use serde_json::Value;

use crate::support::{Client, Credentials, Fleet, Installation, eventually};

const FINDINGS: &str = "/api/v1/governance/findings";
const READ: &str = "governance.findings:read";

async fn three() -> (Arc<Fleet>, Credentials, Vec<Client>) {
    let fleet = Fleet::start(Installation::on_postgres().await, 3);
    let credentials = fleet.installation().account("integration", &[READ]);
    let clients = fleet.clients(&credentials).await;
    (fleet, credentials, clients)
}

fn change(fleet: &Fleet, change: &str, credentials: &Credentials, arguments: &[&str]) -> Value {
    fleet.installation().json(&[&["service-account", change, &credentials.client_id], arguments].concat())
}

/// What each server answers to the next call.
async fn next(clients: &[Client]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for client in clients {
        statuses.push(client.get(FINDINGS).await.status);
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_and_enabling_act_on_the_very_next_call_to_every_server() {
    let (fleet, credentials, clients) = three().await;
    for _ in 0..4 {
        assert_eq!(next(&clients).await, [200; 3]);
        change(&fleet, "disable", &credentials, &[]);
        assert_eq!(next(&clients).await, [401; 3]);
        for client in &clients {
            assert_eq!(client.token(&credentials).await.status, 401);
        }
        change(&fleet, "enable", &credentials, &[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabling_acts_on_calls_under_way_on_every_server() {
    let (fleet, credentials, clients) = three().await;
    // Servers that are asked all the while have every chance to remember too long.
    let asking: Vec<_> = clients
        .iter()
        .map(|client| {
            let client = client.clone();
            tokio::spawn(async move { while client.get(FINDINGS).await.status == 200 {} })
        })
        .collect();
    change(&fleet, "disable", &credentials, &[]);
    assert_eq!(next(&clients).await, [401; 3]);
    for asking in asking {
        asking.await.expect("it is refused");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_rotated_without_grace_is_refused_by_every_server_and_tokens_stay_good() {
    let (fleet, old, clients) = three().await;
    for client in &clients {
        assert_eq!(client.token(&old).await.status, 200);
    }
    let new = Credentials::of(&change(&fleet, "rotate", &old, &["--grace", "0s"]));
    for client in &clients {
        assert_eq!(client.token(&old).await.status, 401);
        assert_eq!(client.token(&new).await.status, 200);
    }
    assert_eq!(next(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_that_is_taken_away_is_missing_on_the_very_next_call_to_every_server() {
    let (fleet, credentials, clients) = three().await;
    assert_eq!(next(&clients).await, [200; 3]);
    change(&fleet, "set-scopes", &credentials, &["--scope", "governance.controls:read"]);
    assert_eq!(next(&clients).await, [403; 3]);
    change(&fleet, "set-scopes", &credentials, &["--scope", READ]);
    assert_eq!(next(&clients).await, [200; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_expires_is_refused_by_every_server_from_that_moment_on() {
    let fleet = Fleet::start(Installation::on_postgres().await, 2);
    let database = fleet.installation().database().await;
    let later = "SELECT to_char((now() + interval '4 s') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
    let expiry = database.cell(later).await;
    let create = ["service-account", "create", "--workspace", "default", "--name", "brief", "--scope", READ];
    let credentials = Credentials::of(&fleet.installation().json(&[&create[..], &["--expires-at", &expiry]].concat()));
    let clients = fleet.clients(&credentials).await;
    let is_over = format!("SELECT clock_timestamp() >= '{expiry}'::timestamptz");
    eventually("it expires", async || {
        // Asked before the call: one that began after that moment is refused, whoever it goes to.
        let over = database.cell(&is_over).await == "t";
        let statuses = next(&clients).await;
        assert!(!over || statuses == [401; 2], "{statuses:?} after its end");
        over.then_some(())
    })
    .await;
    for client in &clients {
        assert_eq!(client.token(&credentials).await.status, 401);
    }
}
