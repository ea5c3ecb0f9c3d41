//! Events about submission packages, from a bundle and a request to the receiver.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    actions::{allow_loopback, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Setup},
};

const SUBMISSIONS: &str = "/api/v1/governance/submissions";
const SCOPES: [&str; 3] = ["webhooks:manage", "governance.submissions:read", "governance.submissions:write"];

/// Imports one line of a bundle into the workspace of the tests.
fn import(installation: &Installation, kind: &str, record: &Value) -> Value {
    let line = json!({ "kind": kind, "record": record }).to_string();
    fs::write(installation.folder().join("bundle.jsonl"), line).expect("the bundle is written");
    installation.run_json(&["import", "bundle", "bundle.jsonl", "--workspace", "default"])
}

async fn only_record(client: &Client, path: &str, plural: &str) -> Value {
    let mut records = client.list_all(&format!("{SUBMISSIONS}/{path}"), plural).await;
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_an_imported_package_is_delivered_and_its_status_survives_another_import() {
    let receiver = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(Installation::new()).unlimited()).start();
    let client = server.create_client("portal", &SCOPES).await;
    let requirement =
        json!({ "requirementKey": "call-report", "title": "Call report", "submissionKind": "regulator_report" });
    import(server.installation(), "submission-requirement", &requirement);
    let requirement = only_record(&client, "requirements", "submissionRequirements").await;
    assert_eq!(requirement["status"], "draft");
    let mut package = json!({
        "packageKey": "q1", "title": "First quarter", "status": "submitted", "submittedAt": "2026-05-01",
        "submissionRequirementId": requirement["id"],
    });
    import(server.installation(), "submission-package", &package);
    let id = only_record(&client, "packages", "submissionPackages").await["id"].as_str().unwrap().to_owned();
    let events = ["submission.package.status_changed", "submission.package.event_recorded"];
    subscribe(&client, &receiver.url("/submissions"), &events).await;

    for (kind, status) in [("receipt", 201), ("receipt", 422), ("comment", 201), ("rejection", 201)] {
        let body =
            json!({ "eventKind": kind, "occurredAt": "2026-05-02", "reason": "recorded by a test of the program" });
        let recorded = client.post(&format!("{SUBMISSIONS}/packages/{id}/events"), &body).await;
        assert_eq!(recorded.status, status, "{}", recorded.body);
    }
    wait_until("all events are delivered", Duration::from_secs(20), || receiver.count("/submissions") == 5).await;
    let received = receiver.deliveries_to("/submissions");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut delivered: Vec<_> = received
        .iter()
        .map(|delivery| {
            let (body, data) = (&delivery.body, &delivery.body["data"]);
            assert_eq!(data["submissionPackage"]["id"], id);
            let cause = [&data["submissionEvent"]["eventKind"], &data["previousStatus"]].map(text).concat();
            [text(&body["type"]), cause, text(&data["submissionPackage"]["status"])]
        })
        .collect();
    delivered.sort();
    let [changed, recorded] = events;
    let expected = [
        [recorded, "comment", "acknowledged"],
        [recorded, "receipt", "acknowledged"],
        [recorded, "rejection", "rejected"],
        [changed, "acknowledged", "rejected"],
        [changed, "submitted", "acknowledged"],
    ];
    assert_eq!(delivered, expected.map(|delivery| delivery.map(str::to_owned)));

    package["title"] = json!("First quarter, corrected");
    assert_eq!(import(server.installation(), "submission-package", &package)["updated"], 1);
    let package = only_record(&client, "packages", "submissionPackages").await;
    assert_eq!((&package["title"], &package["status"]), (&json!("First quarter, corrected"), &json!("rejected")));
    assert_eq!(package["decidedAt"], "2026-05-02T00:00:00.000Z");
    assert_eq!(package["submittedAt"], "2026-05-01T00:00:00.000Z");
    assert!(server.stop().success());
}
