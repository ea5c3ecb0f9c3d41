//! The command `novantra webhooks listen`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc::{self, Receiver as Queue},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::{HmacWebhookSigner, MasterKey, SystemEntropy};
use serde_json::Value;
use webhooks::{WebhookSecret, WebhookSigner};

use super::{
    receiver::Receiver,
    station::Station,
    support::{Client, Credentials, DEADLINE, Installation, Server, finding},
};

const SCOPES: [&str; 3] = ["governance.findings:read", "governance.findings:write", "webhooks:manage"];

/// A running listen command. It is killed when this value is dropped.
struct Listener {
    child: Child,
    lines: Queue<String>,
}

impl Listener {
    fn start(server: &Server, credentials: &Credentials, arguments: &[&str]) -> Self {
        Self::at(server.installation(), &server.url, credentials, arguments)
    }

    fn at(installation: &Installation, url: &str, credentials: &Credentials, arguments: &[&str]) -> Self {
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

    fn line(&self) -> String {
        self.lines.recv_timeout(DEADLINE).expect("the command prints a line in time")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.line()).expect("every line is a JSON document")
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
async fn what_happens_is_forwarded_byte_for_byte_with_a_signature_that_verifies() {
    let server = Server::start();
    let credentials = server.account("developer", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    let receiver = Receiver::start();
    let listener = Listener::start(&server, &credentials, &["--json", "--forward-to", &receiver.url]);
    let secret = listener.json()["secret"].as_str().expect("a secret").to_owned();
    let created = client.post("/api/v1/governance/findings", &finding("heard")).await;
    assert_eq!(created.status, 201, "{}", created.body);

    let post = receiver.next();
    assert_eq!(post.line, "POST /hook HTTP/1.1");
    assert_eq!(post.header("content-type"), "application/json");
    assert!(post.header("user-agent").starts_with("Novantra-Webhooks/"));
    let body: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(body["type"], "finding.created");
    assert_eq!(body["data"]["finding"], created.body["finding"]);
    assert_eq!(body["id"], post.header("webhook-id"));
    let bytes = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base 64");
    let secret = WebhookSecret::from_bytes(&bytes).expect("32 bytes");
    let head = format!("{}.{}.", post.header("webhook-id"), post.header("webhook-timestamp"));
    let content = [head.as_bytes(), &post.body].concat();
    let signer = HmacWebhookSigner::new(&MasterKey::generate(&SystemEntropy::new()));
    assert_eq!(post.header("webhook-signature"), signer.sign_with(&secret, &content));

    let line = listener.json();
    assert_eq!((line["type"].as_str(), line["status"].as_u64()), (Some("finding.created"), Some(204)));
    assert_eq!(line["id"], body["id"]);
    assert!(line["time"].as_str().expect("a time").ends_with('Z'));
}

#[tokio::test]
async fn people_read_a_line_for_each_event_and_why_it_was_not_taken() {
    let server = Server::start();
    let credentials = server.account("developer", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    let arguments = ["--forward-to", "http://127.0.0.1:1/", "--event-type", "finding.closed"];
    let listener = Listener::start(&server, &credentials, &arguments);
    assert!(listener.line().starts_with("signing secret  whsec_"));
    let created = client.post("/api/v1/governance/findings", &finding("heard")).await;
    let id = created.body["finding"]["id"].as_str().expect("an id");
    let close = serde_json::json!({ "status": "accepted", "reason": "accepted by a test" });
    client.patch(&format!("/api/v1/governance/findings/{id}"), &close).await;
    let line = listener.line();
    assert!(line.contains("  finding.closed  evt_") && line.contains("  not reachable: Connection refused"), "{line}");
}

#[test]
fn a_stream_that_ends_is_opened_again_with_the_same_secret() {
    let server = Station::start();
    let receiver = Receiver::start();
    let installation = Installation::new();
    let credentials = Credentials { client_id: "svc_1".to_owned(), client_secret: "nvsec_1".to_owned() };
    let listener = Listener::at(&installation, &server.url, &credentials, &["--json", "--forward-to", &receiver.url]);
    assert_eq!(listener.json()["secret"], "whsec_1");
    for previous_secret in ["", "whsec_1"] {
        assert_eq!(server.next(), previous_secret);
        assert_eq!(receiver.next().body, b"{}");
        assert_eq!(listener.json()["id"], "evt_1");
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_who_listens() {
    let server = Server::start();
    let credentials = server.account("developer", &SCOPES);
    let listener = Listener::start(&server, &credentials, &["--json", "--forward-to", "http://127.0.0.1:1/"]);
    listener.json();
    let begun = Instant::now();
    assert!(server.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(10), "the server waited for the stream to end");
}

#[test]
fn who_may_not_listen_is_told_why_in_one_line() {
    let server = Server::start();
    let wrong_secret = Credentials { client_secret: "nvsec_wrong".to_owned(), ..server.account("stranger", &SCOPES) };
    let without_scope = server.account("powerless", &["governance.findings:read"]);
    let listen = |credentials: &Credentials| {
        let mut program = server.installation().program();
        program.args(["webhooks", "listen", "--server", &server.url, "--forward-to", "http://127.0.0.1:1/"]);
        program.env("NOVANTRA_CLIENT_ID", &credentials.client_id);
        program.env("NOVANTRA_CLIENT_SECRET", &credentials.client_secret).output().expect("the command exits")
    };
    for (credentials, message) in
        [(wrong_secret, "client credentials are not valid"), (without_scope, "webhooks:manage")]
    {
        let ran = listen(&credentials);
        let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(message) && stderr.lines().count() == 1, "{stderr}");
    }
}

#[test]
fn listening_without_credentials_is_bad_usage() {
    let installation = Installation::new();
    let ran = installation.run(&["webhooks", "listen", "--forward-to", "http://127.0.0.1:1/"]);
    assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("NOVANTRA_CLIENT_ID"), "{}", ran.stderr);
}
