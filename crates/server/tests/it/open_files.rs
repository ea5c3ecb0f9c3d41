//! A low limit of open files.

use tokio::net::TcpStream;

use crate::support::{Client, Setup, eventually};

#[tokio::test]
async fn probes_are_answered_while_clients_hold_all_connections_that_few_open_files_allow() {
    let server = Setup::new().prelude("ulimit -n 200").start();
    let credentials = server.create_account("reader", &["governance.findings:read"]);
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..170 {
        idle.push(TcpStream::connect(&address).await.expect("a connection"));
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(server.probe(path).await.0, 200, "{path}");
    }
    assert!(!server.log().contains("can't accept a connection"), "{}", server.log());
    assert!(server.log().contains("max_connections"), "{}", server.log());
    drop(idle);
    let client =
        eventually("a client is served", async || Client::try_with_token(&server.url, &credentials).await).await;
    assert_eq!(client.get("/api/v1/governance/findings").await.status, 200);
}
