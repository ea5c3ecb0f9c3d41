//! A client that does not wait for its answer.

mod support;

use std::{io::Write, net::TcpStream};

use support::{Server, eventually};

#[tokio::test]
async fn a_call_whose_client_hung_up_is_on_record_all_the_same() {
    let server = Server::start();
    let auditor = server.client("auditor", &["audit:read"]).await;
    let credentials = server.account("impatient", &["governance.findings:read"]);
    // Proving a secret takes long enough for the server to see the client go.
    let body = format!(
        "{{\"grant_type\":\"client_credentials\",\"client_id\":\"{}\",\"client_secret\":\"{}\"}}",
        credentials.client_id, credentials.client_secret
    );
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    drop(stream);
    eventually("the call is on record", async || {
        let issued = auditor.get("/api/v1/audit/entries?action=token.issued&limit=200").await;
        let entries = issued.body["entries"].as_array().expect("entries").clone();
        entries.iter().any(|entry| entry["actor"]["name"] == "impatient").then_some(())
    })
    .await;
}
