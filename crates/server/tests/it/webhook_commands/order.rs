//! The order in which `novantra webhooks listen` forwards the changes that commands and a server make to the same records.

use std::fs;

use serde_json::{Value, json};

use super::{listen::Listener, receiver::WebhookReceiver};
use crate::support::{Client, Server, Setup};

const PACKAGES: &str = "/api/v1/governance/submissions/packages";
const SCOPES: [&str; 4] =
    ["governance.submissions:read", "governance.submissions:write", "webhooks:manage", "audit:read"];
const KEYS: [&str; 3] = ["q1", "q2", "q3"];

fn import(server: &Server) {
    let requirement = json!({ "requirementKey": "r", "title": "Report", "submissionKind": "regulator_report" });
    let package = |key| json!({ "packageKey": key, "title": "A quarter", "submissionRequirementKey": "r" });
    let line = |kind: &str, record: Value| json!({ "kind": kind, "record": record }).to_string() + "\n";
    let lines = KEYS.map(|key| line("submission-package", package(key)));
    let bundle = line("submission-requirement", requirement) + &lines.concat();
    fs::write(server.installation().folder().join("bundle.jsonl"), bundle).expect("the bundle is written");
    server.installation().run_json(&["import", "bundle", "bundle.jsonl", "--workspace", "default"]);
}

/// Lists as fast as possible, so that commands stamp their changes up to half a second ahead of the clock.
fn keep_listing(client: &Client) -> tokio::task::JoinHandle<()> {
    let client = client.clone();
    tokio::spawn(async move {
        loop {
            assert_eq!(client.get(PACKAGES).await.status, 200);
        }
    })
}

/// Whether each text is later than the one before, as timestamps and identifiers are.
fn is_ascending(texts: &[String]) -> bool {
    texts.is_sorted_by(|one, next| one < next)
}

fn texts(values: &[Value], pointer: &str) -> Vec<String> {
    values.iter().map(|value| value.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_by_successive_commands_and_requests_are_forwarded_and_audited_in_their_order() {
    let server = Setup::new().unlimited().start();
    let credentials = server.create_account("developer", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    import(&server);
    let receiver = WebhookReceiver::start();
    let listener = Listener::start(&server, &credentials, &["--json", "--forward-to", &receiver.url]);
    listener.next_json();
    let packages = client.list_all(PACKAGES, "submissionPackages").await;
    let listing = keep_listing(&client);
    for package in &packages {
        let [key, id] = ["packageKey", "id"].map(|member| package[member].as_str().expect(member));
        for command in ["start-review", "return", "start-review", "approve"] {
            let arguments = ["submission", "package", command, key, "--workspace", "default"];
            let ran = tokio::task::block_in_place(|| server.installation().run(&arguments));
            assert!(ran.status.success(), "{}", ran.stderr);
        }
        for kind in ["submission", "receipt"] {
            let event = json!({ "eventKind": kind, "occurredAt": "2026-05-02", "reason": "recorded by a test" });
            let recorded = client.post(&format!("{PACKAGES}/{id}/events"), &event).await;
            assert_eq!(recorded.status, 201, "{}", recorded.body);
            let times = ["/submissionEvent/createdAt", "/submissionPackage/updatedAt"];
            let times = times.map(|member| recorded.body.pointer(member));
            assert!(times[0].is_some() && times[0] == times[1], "{}", recorded.body);
        }
    }
    listing.abort();
    assert!(listing.await.is_err_and(|error| error.is_cancelled()), "every list was answered");

    let statuses = ["in_review", "draft", "in_review", "ready", "submitted", "acknowledged"];
    // Each of the six changes of status, and each of the two events.
    let forwarded: Vec<Value> =
        (0..KEYS.len() * 8).map(|_| serde_json::from_slice(&receiver.next_post().body).expect("JSON")).collect();
    for package in &packages {
        let id = package["id"].as_str().expect("an id");
        let about = |event: &&Value| event.pointer("/data/submissionPackage/id") == Some(&package["id"]);
        let all: Vec<Value> = forwarded.iter().filter(about).cloned().collect();
        assert!(is_ascending(&texts(&all, "/id")), "{all:#?}");
        let changed = all.into_iter().filter(|event| event["type"] == "submission.package.status_changed");
        let changed: Vec<Value> = changed.collect();
        assert_eq!(texts(&changed, "/data/submissionPackage/status"), statuses, "{changed:#?}");
        assert!(is_ascending(&texts(&changed, "/data/submissionPackage/updatedAt")), "{changed:#?}");
        assert_eq!(texts(&changed, "/createdAt"), texts(&changed, "/data/submissionPackage/updatedAt"));

        let mut entries = client.list_all(&format!("/api/v1/audit/entries?subjectId={id}"), "entries").await;
        entries.retain(|entry| entry["changes"].as_array().is_some_and(|changes| !changes.is_empty()));
        entries.reverse();
        assert!(is_ascending(&texts(&entries, "/occurredAt")), "{entries:#?}");
        assert_eq!(entries.len(), 1 + statuses.len(), "{entries:#?}");
        for (entry, status) in entries[1..].iter().zip(statuses) {
            let changes = entry["changes"].as_array().expect("changes").iter();
            let after: Vec<_> =
                changes.filter(|change| change["field"] == "status").map(|change| &change["after"]).collect();
            assert_eq!(after, [status], "{entries:#?}");
        }
    }
    assert!(server.stop().success());
}
