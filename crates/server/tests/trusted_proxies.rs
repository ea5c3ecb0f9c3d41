//! Where calls come from when the program stands behind proxies.

mod support;

use support::{Server, Setup};

/// The source address on record of a call that claims to come from elsewhere.
async fn on_record(server: &Server, claims: &str) -> String {
    let client = server.client("auditor", &["audit:read"]).await;
    let path = "/api/v1/audit/entries?limit=1";
    let answer = client.send(reqwest::Method::GET, path, &[("X-Forwarded-For", claims)], None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let id = answer.headers["x-request-id"].to_str().expect("text").to_owned();
    let log = client.get("/api/v1/audit/entries?limit=10").await;
    let entries = log.body["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["requestId"] == id.as_str()).expect("its entry");
    entry["sourceAddress"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn the_header_is_believed_from_the_proxies_that_were_named_and_from_nobody_else() {
    let claims = "198.51.100.1, 203.0.113.9, 10.1.2.3";
    assert_eq!(on_record(&Server::start(), claims).await, "127.0.0.1");
    let elsewhere = Setup::new().set("TRUSTED_PROXY", "10.0.0.0/8").start();
    assert_eq!(on_record(&elsewhere, claims).await, "127.0.0.1");
    let named = Setup::new().argument("--trusted-proxy=127.0.0.1").argument("--trusted-proxy=10.0.0.0/8").start();
    assert_eq!(on_record(&named, claims).await, "203.0.113.9");
}
