//! PostgreSQL stopped, or crashed, and started again in the middle of a load.

use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, MISSING, Shutdown, find};
use serde_json::json;

use crate::{
    load::Load,
    support::{Client, Fleet, Installation, Pace},
};

/// How long a call may take while PostgreSQL is away.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// How long after its return everything is to work again.
const RECOVERED_WITHIN: Duration = Duration::from_secs(5);

const FINDINGS: &str = "/api/v1/governance/findings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_outlive_a_postgresql_that_is_stopped_and_started() {
    outlive(Shutdown::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_outlive_a_postgresql_that_crashes_and_is_started() {
    outlive(Shutdown::Immediate).await;
}

async fn outlive(how: Shutdown) {
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    let mut cluster = Cluster::start(&find().expect(MISSING), &durable).expect("a cluster");
    let fleet = Fleet::start(Installation::at(cluster.url()), 2);
    let scopes = ["governance.findings:read", "governance.findings:write"];
    let clients = fleet.clients(&fleet.installation().account("prober", &scopes)).await;
    let mut load = Load::begin(&fleet, 4).await;
    load.writes(30).await;
    let finding = clients[0].get(FINDINGS).await.body["findings"][0]["id"].as_str().expect("a finding").to_owned();

    cluster.stop(how).expect("it stops");
    for (place, client) in clients.iter().enumerate() {
        refuses(client, &finding).await;
        assert_eq!(fleet.probe(place, "/livez").await.0, 200);
        assert_eq!(fleet.probe(place, "/readyz").await.0, 503);
    }

    cluster.start_again().expect("it starts");
    let back = Instant::now();
    for (place, client) in clients.iter().enumerate() {
        let mut pace = Pace::until("recovery", RECOVERED_WITHIN.saturating_sub(back.elapsed()));
        while !serves(client, &finding, &format!("patch-{place}")).await {
            pace.tick().await;
        }
        assert!(back.elapsed() < RECOVERED_WITHIN, "recovered after {:?}", back.elapsed());
        println!("server {place} serves again {} ms after PostgreSQL ({how:?})", back.elapsed().as_millis());
    }
    load.writes(30).await;
    load.end(&fleet).await;
}

/// Each call is answered in time, and told to come again.
async fn refuses(client: &Client, finding: &str) {
    let path = format!("{FINDINGS}/{finding}");
    for write in [false, true] {
        let asked = Instant::now();
        let refused = if write { client.patch(&path, &retitled()).await } else { client.get(&path).await };
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert_eq!(refused.body["error"], "internal");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
        assert!(asked.elapsed() < REFUSED_WITHIN, "refused after {:?}", asked.elapsed());
    }
}

/// Whether a server reads and writes.
async fn serves(client: &Client, finding: &str, key: &str) -> bool {
    let path = format!("{FINDINGS}/{finding}");
    let answers = [client.get(&path).await, client.patch_once(&path, key, &retitled()).await];
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
    answers.iter().all(|answer| answer.status == 200)
}

fn retitled() -> serde_json::Value {
    json!({ "title": "Seen after the outage", "reason": "changed by a test of the program" })
}
