//! Servers that initialize an installation concurrently.

use crate::support::{Client, Installation, ServerCluster};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_servers_started_concurrently_on_an_empty_database_form_one_installation() {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 5);
    let database = servers.installation().database().await;
    for (table, rows) in [("organizations", "1"), ("signing_keys", "1")] {
        assert_eq!(database.cell(&format!("SELECT count(*) FROM {table}")).await, rows, "{table}");
    }
    let credentials = servers.installation().create_account("integration", &["governance.findings:read"]);
    for url in servers.urls() {
        let client = Client::with_token(&url, &credentials).await;
        for other in servers.urls() {
            assert_eq!(client.for_server(&other).get("/api/v1/governance/findings").await.status, 200);
        }
    }
    for index in 0..servers.len() {
        assert_eq!(servers.probe(index, "/readyz").await.0, 200);
    }
    servers.installation().wait_until_sealed().await;
    let verified = servers.installation().run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", verified.stderr);
    servers.stop();
}
