//! A restart or crash of PostgreSQL under load.

use std::time::{Duration, Instant};

use postgres_cluster::{Cluster, INSTALL_HINT, Shutdown, StatementProxy, find_programs};
use serde_json::json;

use crate::{
    load::Load,
    support::{Client, Installation, PollTimer, ServerCluster, Setup, finding},
};

/// The maximum duration of a request while PostgreSQL is down.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);
/// The maximum time after the restart until everything works again.
const RECOVERED_WITHIN: Duration = Duration::from_secs(5);

/// The maximum duration of a request while PostgreSQL hangs: several statements and connections are given up for it.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(20);
/// The maximum duration of a probe while PostgreSQL hangs: that of `novantra probe`.
const PROBED_WITHIN: Duration = Duration::from_secs(3);
/// The maximum time from the signal to the end of a server while PostgreSQL hangs.
const STOPPED_WITHIN: Duration = Duration::from_secs(32);

const FINDINGS: &str = "/api/v1/governance/findings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_recover_after_postgresql_is_restarted() {
    assert_recovery(Shutdown::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_recover_after_postgresql_crashes() {
    assert_recovery(Shutdown::Immediate).await;
}

async fn assert_recovery(shutdown: Shutdown) {
    let durable = ["fsync=on", "full_page_writes=on", "synchronous_commit=on"];
    let mut cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &durable).expect("a cluster");
    let servers = ServerCluster::start(Installation::with_postgres(cluster.url()), 2);
    let scopes = ["governance.findings:read", "governance.findings:write"];
    let clients = servers.clients(&servers.installation().create_account("prober", &scopes)).await;
    let mut load = Load::start(&servers, 4).await;
    load.wait_for_writes(30).await;
    let finding = clients[0].get(FINDINGS).await.body["findings"][0]["id"].as_str().expect("a finding").to_owned();

    cluster.stop(shutdown).expect("PostgreSQL stops");
    for (index, client) in clients.iter().enumerate() {
        assert_refused(client, &finding, REFUSED_WITHIN).await;
        assert_eq!(servers.probe(index, "/livez").await.0, 200);
        assert_eq!(servers.probe(index, "/readyz").await.0, 503);
    }

    cluster.restart().expect("PostgreSQL starts");
    let restarted = Instant::now();
    for (index, client) in clients.iter().enumerate() {
        let mut timer = PollTimer::new("recovery", RECOVERED_WITHIN.saturating_sub(restarted.elapsed()));
        while !is_serving(client, &finding, &format!("patch-{index}")).await {
            timer.tick().await;
        }
        assert!(restarted.elapsed() < RECOVERED_WITHIN, "recovered after {:?}", restarted.elapsed());
        println!("server {index} works again {} ms after PostgreSQL ({shutdown:?})", restarted.elapsed().as_millis());
    }
    load.wait_for_writes(30).await;
    load.stop_and_verify(&servers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_probes_refuses_calls_and_stops_in_time_while_postgresql_hangs() {
    let mut cluster = Cluster::start(&find_programs().expect(INSTALL_HINT), &[]).expect("a cluster");
    let proxy = StatementProxy::start(cluster.url()).await;
    let setup = Setup::with_installation(Installation::with_postgres(proxy.url()));
    let mut server = setup.set("DATABASE_STATEMENT_TIMEOUT", "1s").start();
    let client = server.create_client("prober", &["governance.findings:read", "governance.findings:write"]).await;
    assert_eq!(client.post_with_key(FINDINGS, "before", &finding("before")).await.status, 201);
    let id = client.get(FINDINGS).await.body["findings"][0]["id"].as_str().expect("a finding").to_owned();

    proxy.hold_responses(usize::MAX / 4);
    let asked = Instant::now();
    assert_eq!(server.probe("/readyz").await.0, 503);
    assert!(asked.elapsed() < PROBED_WITHIN, "probed after {:?}", asked.elapsed());
    assert_refused(&client, &id, GIVEN_UP_WITHIN).await;
    let stopped = Instant::now();
    server.signal("TERM");
    server.wait();
    assert!(stopped.elapsed() < STOPPED_WITHIN, "stopped after {:?}", stopped.elapsed());
    cluster.stop(Shutdown::Immediate).expect("PostgreSQL stops");
}

/// Asserts that a read and a write are each refused in time, with `Retry-After`.
async fn assert_refused(client: &Client, finding: &str, within: Duration) {
    let path = format!("{FINDINGS}/{finding}");
    for write in [false, true] {
        let sent = Instant::now();
        let refused = if write { client.patch(&path, &new_title()).await } else { client.get(&path).await };
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert_eq!(refused.body["error"], "internal");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
        assert!(sent.elapsed() < within, "refused after {:?}", sent.elapsed());
    }
}

/// Whether a read and a write succeed on a server.
async fn is_serving(client: &Client, finding: &str, key: &str) -> bool {
    let path = format!("{FINDINGS}/{finding}");
    let answers = [client.get(&path).await, client.patch_with_key(&path, key, &new_title()).await];
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
    answers.iter().all(|answer| answer.status == 200)
}

fn new_title() -> serde_json::Value {
    json!({ "title": "Seen after the outage", "reason": "changed by a test of the program" })
}
