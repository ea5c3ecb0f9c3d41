//! The graceful shutdown of a server.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::{Server, eventually, finding};

#[tokio::test]
async fn a_stopped_server_exits_with_0_and_leaves_its_audit_log_sealed() {
    let server = Server::start();
    let client = server.create_client("writer", &["governance.findings:write"]).await;
    for number in 0..20 {
        let created = client.post("/api/v1/governance/findings", &finding(&format!("key-{number}"))).await;
        assert_eq!(created.status, 201, "{}", created.body);
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    let verified = installation.run_json(&["audit", "verify"]);
    assert_eq!(verified["ok"], true);
    let logs = verified["logs"].as_array().unwrap();
    assert!(logs.iter().all(|log| log["unsealed"] == 0), "{verified}");
    let workspace = logs.iter().find(|log| log["log"] == "default").unwrap();
    assert!(workspace["entries"].as_u64() >= Some(22), "{verified}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_server_is_asked_to_stop() {
    let mut server = Server::start();
    let credentials = server.create_account("slow", &["governance.findings:write"]);
    let address = server.url.trim_start_matches("http://").to_owned();
    let body = format!(
        "{{\"grant_type\":\"client_credentials\",\"client_id\":\"{}\",\"client_secret\":\"{}\"}}",
        credentials.client_id, credentials.client_secret
    );
    let mut stream = TcpStream::connect(&address).unwrap();
    let head =
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{}", body.len(), &body[..10]).unwrap();
    eventually("the request is in flight", async || {
        server.probe("/metrics").await.1.contains("novantra_http_requests_in_flight 1").then_some(())
    })
    .await;
    server.signal("TERM");
    eventually("the server is no longer ready", async || (server.probe("/readyz").await.0 == 503).then_some(())).await;
    eventually("new connections are refused", async || TcpStream::connect(&address).is_err().then_some(())).await;
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(server.wait().success());
}
