//! The command `novantra webhooks listen`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc::{self, Receiver as Queue},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{fake_event_server::FakeEventServer, receiver::WebhookReceiver};
use crate::support::{Client, Credentials, DEADLINE, Installation, Server, finding};

const SCOPES: [&str; 3] = ["governance.findings:read", "governance.findings:write", "webhooks:manage"];

/// A running listen command. It is killed when this value is dropped.
pub(super) struct Listener {
    child: Child,
    lines: Queue<String>,
}

impl Listener {
    pub(super) fn start(server: &Server, credentials: &Credentials, arguments: &[&str]) -> Self {
        Self::start_at(server.installation(), &server.url, credentials, arguments)
    }

    fn start_at(installation: &Installation, url: &str, credentials: &Credentials, arguments: &[&str]) -> Self {
        let mut child = installation
            .program()
            .args(["webhooks", "listen", "--server", url])
            .args(arguments)
            .env("NOVANTRA_CLIENT_ID", &credentials.client_id)
            .env("NOVANTRA_CLIENT_SECRET", &credentials.client_secret)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let lines = lines_of(child.stdout.take().expect("its output"));
        Self { child, lines }
    }

    fn next_line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the command prints a line in time")
    }

    pub(super) fn next_json(&self) -> Value {
        serde_json::from_str(&self.next_line()).expect("every line is a JSON document")
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stdout: ChildStdout) -> Queue<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[tokio::test]
async fn events_are_forwarded_byte_for_byte_with_a_valid_signature() {
    let server = Server::start();
    let credentials = server.create_account("developer", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    let receiver = WebhookReceiver::start();
    let listener = Listener::start(&server, &credentials, &["--json", "--forward-to", &receiver.url]);
    let secret = listener.next_json()["secret"].as_str().expect("a secret").to_owned();
    let created = client.post("/api/v1/governance/findings", &finding("forwarded")).await;
    assert_eq!(created.status, 201, "{}", created.body);

    let post = receiver.next_post();
    assert_eq!(post.request_line, "POST /hook HTTP/1.1");
    assert_eq!(post.header("content-type"), "application/json");
    assert!(post.header("user-agent").starts_with("Novantra-Webhooks/"));
    let body: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(body["type"], "finding.created");
    assert_eq!(body["data"]["finding"], created.body["finding"]);
    assert_eq!(body["id"], post.header("webhook-id"));
    post.expect_signature(&secret);

    let line = listener.next_json();
    assert_eq!((line["type"].as_str(), line["status"].as_u64()), (Some("finding.created"), Some(204)));
    assert_eq!(line["id"], body["id"]);
    assert!(line["time"].as_str().expect("a time").ends_with('Z'));
}

#[tokio::test]
async fn a_line_is_printed_for_each_event_with_the_reason_it_was_not_accepted() {
    let server = Server::start();
    let credentials = server.create_account("developer", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    let arguments = ["--forward-to", "http://127.0.0.1:1/", "--event-type", "finding.closed"];
    let listener = Listener::start(&server, &credentials, &arguments);
    assert!(listener.next_line().starts_with("signing secret  whsec_"));
    let created = client.post("/api/v1/governance/findings", &finding("forwarded")).await;
    let id = created.body["finding"]["id"].as_str().expect("an id");
    let close = serde_json::json!({ "status": "accepted", "reason": "accepted by a test" });
    client.patch(&format!("/api/v1/governance/findings/{id}"), &close).await;
    let line = listener.next_line();
    assert!(line.contains("  finding.closed  evt_") && line.contains("  not reachable: Connection refused"), "{line}");
}

#[test]
fn an_ended_stream_is_reopened_with_the_same_secret() {
    let server = FakeEventServer::start();
    let receiver = WebhookReceiver::start();
    let installation = Installation::new();
    let credentials = Credentials { client_id: "svc_1".to_owned(), client_secret: "nvsec_1".to_owned() };
    let listener =
        Listener::start_at(&installation, &server.url, &credentials, &["--json", "--forward-to", &receiver.url]);
    assert_eq!(listener.next_json()["secret"], "whsec_1");
    for previous_secret in ["", "whsec_1"] {
        assert_eq!(server.next_secret(), previous_secret);
        assert_eq!(receiver.next_post().body, b"{}");
        assert_eq!(listener.next_json()["id"], "evt_1");
    }
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_listeners() {
    let server = Server::start();
    let credentials = server.create_account("developer", &SCOPES);
    let listener = Listener::start(&server, &credentials, &["--json", "--forward-to", "http://127.0.0.1:1/"]);
    listener.next_json();
    let start = Instant::now();
    assert!(server.stop().success());
    assert!(start.elapsed() < Duration::from_secs(10), "the server waited for the stream to end");
}

#[test]
fn an_unauthorized_listener_gets_the_reason_in_one_line() {
    let server = Server::start();
    let wrong_secret =
        Credentials { client_secret: "nvsec_wrong".to_owned(), ..server.create_account("wrong-secret", &SCOPES) };
    let without_scope = server.create_account("without-scope", &["governance.findings:read"]);
    let listen = |credentials: &Credentials| {
        let mut program = server.installation().program();
        program.args(["webhooks", "listen", "--server", &server.url, "--forward-to", "http://127.0.0.1:1/"]);
        program.env("NOVANTRA_CLIENT_ID", &credentials.client_id);
        program.env("NOVANTRA_CLIENT_SECRET", &credentials.client_secret).output().expect("the command exits")
    };
    for (credentials, message) in [(wrong_secret, "client credentials are invalid"), (without_scope, "webhooks:manage")]
    {
        let ran = listen(&credentials);
        let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(message) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn listening_without_credentials_is_invalid_usage() {
    let installation = Installation::new();
    let ran = installation.run(&["webhooks", "listen", "--forward-to", "http://127.0.0.1:1/"]);
    assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("NOVANTRA_CLIENT_ID"), "{}", ran.stderr);
}
