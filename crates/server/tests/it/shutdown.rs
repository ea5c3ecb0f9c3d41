//! The graceful shutdown of a server.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::support::{Credentials, Server, eventually, finding};

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
    let (mut stream, rest) = begin_token_request(&server, &credentials).await;
    server.signal("TERM");
    eventually("the server is no longer ready", async || (server.probe("/readyz").await.0 == 503).then_some(())).await;
    eventually("new connections are refused", async || TcpStream::connect(&address).is_err().then_some(())).await;
    stream.write_all(rest.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(server.wait().success());
}

#[tokio::test]
async fn the_probe_command_says_whether_a_server_is_ready_alive_or_gone() {
    let mut server = Server::start();
    let credentials = server.create_account("slow", &["governance.findings:write"]);
    let installation = server.installation().clone();
    let address = server.admin_url.trim_start_matches("http://").to_owned();
    let port = address.rsplit(':').next().unwrap().to_owned();
    let probe = |arguments: &[&str]| installation.run(&[&["probe", "--admin-listen", &address], arguments].concat());
    assert_eq!(probe(&["--json"]).stdout.trim(), r#"{"ready":true}"#);
    // The settings of the server are used, and a listener on all addresses is asked on this machine.
    let listener = format!("0.0.0.0:{port}");
    let from_environment = installation.program().arg("probe").env("NOVANTRA_ADMIN_LISTEN", listener).output().unwrap();
    assert!(from_environment.status.success(), "{from_environment:?}");

    let (mut stream, rest) = begin_token_request(&server, &credentials).await;
    server.signal("TERM");
    let refused = eventually("the server is no longer ready", async || {
        let probed = probe(&[]);
        (!probed.status.success()).then_some(probed)
    })
    .await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(refused.stderr, "novantra: the server is not ready (503): stopping\n");
    assert!(probe(&["--live"]).status.success());

    stream.write_all(rest.as_bytes()).unwrap();
    assert!(server.wait().success());
    let gone = probe(&["--live"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(gone.stderr.contains("is it running"), "{}", gone.stderr);
    assert_eq!(gone.stderr.lines().count(), 1, "{}", gone.stderr);
}

/// Sends a token request up to the middle of its body, and waits until it is in flight; returns the rest of its body.
async fn begin_token_request(server: &Server, credentials: &Credentials) -> (TcpStream, String) {
    let body = format!(
        "{{\"grant_type\":\"client_credentials\",\"client_id\":\"{}\",\"client_secret\":\"{}\"}}",
        credentials.client_id, credentials.client_secret
    );
    let (sent, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).expect("a connection");
    let head =
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{sent}", body.len()).expect("half a request");
    eventually("the request is in flight", async || {
        server.probe("/metrics").await.1.contains("novantra_http_requests_in_flight 1").then_some(())
    })
    .await;
    (stream, rest.to_owned())
}
