//! The client address of requests that pass through proxies.

use crate::support::{Server, Setup};

/// The source address in the audit log for a request with this `X-Forwarded-For` header.
async fn recorded_source_address(server: &Server, header: &str) -> String {
    let client = server.create_client("auditor", &["audit:read"]).await;
    let path = "/api/v1/audit/entries?limit=1";
    let answer = client.send(reqwest::Method::GET, path, &[("X-Forwarded-For", header)], None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.headers["x-request-id"].to_str().expect("text").to_owned();
    let log = client.get("/api/v1/audit/entries?limit=10").await;
    let entries = log.body["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["requestId"] == id.as_str()).expect("its entry");
    entry["sourceAddress"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn the_forwarded_header_is_trusted_only_from_configured_proxies() {
    let header = "198.51.100.1, 203.0.113.9, 10.1.2.3";
    assert_eq!(recorded_source_address(&Server::start(), header).await, "127.0.0.1");
    let other_proxy = Setup::new().set("TRUSTED_PROXY", "10.0.0.0/8").start();
    assert_eq!(recorded_source_address(&other_proxy, header).await, "127.0.0.1");
    let trusted = Setup::new().argument("--trusted-proxy=127.0.0.1").argument("--trusted-proxy=10.0.0.0/8").start();
    assert_eq!(recorded_source_address(&trusted, header).await, "203.0.113.9");
}
