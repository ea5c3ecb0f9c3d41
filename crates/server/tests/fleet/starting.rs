//! Servers that begin an installation together.

use crate::support::{Client, Fleet, Installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_servers_started_at_once_on_an_empty_database_are_one_installation() {
    let fleet = Fleet::start(Installation::on_postgres().await, 5);
    let database = fleet.installation().database().await;
    for (table, rows) in [("organizations", "1"), ("signing_keys", "1")] {
        assert_eq!(database.cell(&format!("SELECT count(*) FROM {table}")).await, rows, "{table}");
    }
    let credentials = fleet.installation().account("integration", &["governance.findings:read"]);
    for url in fleet.urls() {
        let client = Client::with_token(&url, &credentials).await;
        for other in fleet.urls() {
            assert_eq!(client.at(&other).get("/api/v1/governance/findings").await.status, 200);
        }
    }
    for place in 0..fleet.len() {
        assert_eq!(fleet.probe(place, "/readyz").await.0, 200);
    }
    fleet.installation().sealed().await;
    let verified = fleet.installation().run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", verified.stderr);
    fleet.stop();
}
