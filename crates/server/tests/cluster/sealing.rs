//! Sealing of the audit log by one of several servers at a time.

use std::time::{Duration, Instant};

use crate::support::{Database, Installation, ServerCluster, UNSEALED, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

async fn has_unsealed_entries(database: &Database) -> bool {
    database.cell(UNSEALED).await != "0"
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_seals_within_five_seconds_after_the_sealing_server_is_killed() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let database = servers.installation().database().await;
    let credentials = servers.installation().create_account("scanner", &["governance.findings:write"]);
    // It is unknown which server seals, so each is killed once, and its last requests leave unsealed entries while it
    // may have the lease.
    for killed in [0, 1] {
        let clients = servers.clients(&credentials).await;
        for (index, client) in clients.iter().enumerate() {
            let created = client
                .post_with_key(FINDINGS, &format!("key-{killed}-{index}"), &finding(&format!("f-{killed}-{index}")))
                .await;
            assert_eq!(created.status, 201, "{}", created.body);
        }
        eventually("one of the servers seals", async || (!has_unsealed_entries(&database).await).then_some(())).await;
        servers.kill(killed);
        let key = format!("orphan-{killed}");
        let written = Instant::now();
        assert_eq!(clients[1 - killed].post_with_key(FINDINGS, &key, &finding(&key)).await.status, 201);
        eventually("the other server seals", async || (!has_unsealed_entries(&database).await).then_some(())).await;
        assert!(written.elapsed() < Duration::from_secs(5), "sealed after {:?}", written.elapsed());
        servers.restart(killed);
    }
    assert_verifies(servers.installation());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealer_suspended_past_its_lease_corrupts_no_chain() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let database = servers.installation().database().await;
    let credentials = servers.installation().create_account("scanner", &["governance.findings:write"]);
    let clients = servers.clients(&credentials).await;
    for turn in 0..4 {
        let (asleep, awake) = (turn % 2, 1 - turn % 2);
        // The server is suspended at an arbitrary moment, with entries to seal.
        for number in 0..20 {
            let key = format!("before-{turn}-{number}");
            assert_eq!(clients[asleep].post_with_key(FINDINGS, &key, &finding(&key)).await.status, 201);
        }
        servers.with_server(asleep, |server| server.signal("STOP"));
        let key = format!("meanwhile-{turn}");
        assert_eq!(clients[awake].post_with_key(FINDINGS, &key, &finding(&key)).await.status, 201);
        eventually("the other server seals", async || (!has_unsealed_entries(&database).await).then_some(())).await;
        servers.with_server(asleep, |server| server.signal("CONT"));
    }
    eventually("every entry is sealed", async || (!has_unsealed_entries(&database).await).then_some(())).await;
    assert_verifies(servers.installation());
}

fn assert_verifies(installation: &Installation) {
    let verified = installation.run_json(&["audit", "verify"]);
    assert_eq!(verified["ok"], true, "{verified}");
}
