//! Clients that disconnect before they get their response.

use std::{io::Write, net::TcpStream};

use crate::support::{Server, eventually};

const CALLS: usize = 20;

#[tokio::test]
async fn requests_are_audited_even_if_their_clients_disconnect() {
    let server = Server::start();
    let auditor = server.create_client("auditor", &["audit:read"]).await;
    let credentials = server.create_account("impatient", &["governance.findings:read"]);
    // The verification of a secret takes long enough for the server to notice the disconnect.
    let body = format!(
        "{{\"grant_type\":\"client_credentials\",\"client_id\":\"{}\",\"client_secret\":\"{}\"}}",
        credentials.client_id, credentials.client_secret
    );
    let head = "POST /api/v1/auth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    for _ in 0..CALLS {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        drop(stream);
    }
    eventually("the requests are in the audit log", async || {
        let issued = auditor.get("/api/v1/audit/entries?action=token.issued&limit=200").await;
        let entries = issued.body["entries"].as_array().expect("entries").clone();
        let recorded = entries.iter().filter(|entry| entry["actor"]["name"] == "impatient").count();
        // A connection that is closed before its request was read counts as no request.
        (recorded > CALLS / 2).then_some(())
    })
    .await;
}
