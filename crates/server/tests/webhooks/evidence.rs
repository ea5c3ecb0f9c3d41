//! Evidence from a bundle and from an integration, through its review by command line to the receiver.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    actions::{allow_loopback, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Client, Installation, Setup, eventually},
};

const EVIDENCE: &str = "/api/v1/governance/evidence";
const SCOPES: [&str; 4] = ["webhooks:manage", "governance.evidence:read", "governance.evidence:write", "audit:read"];
const EVENTS: [&str; 3] = ["evidence.claim.created", "evidence.claim.approved", "evidence.claim.rejected"];

/// A requirement, and a claim for it whose validity has ended.
const BUNDLE: &str = r#"
{"kind":"evidence-claim","record":{"claimKey":"old","evidenceRequirementKey":"restore","title":"Old","status":"approved","validFrom":"2020-01-01","validUntil":"2020-02-01"}}
{"kind":"evidence-requirement","record":{"requirementKey":"restore","title":"Restore test","status":"active"}}
"#;

async fn claims(client: &Client) -> Vec<Value> {
    client.list_all(&format!("{EVIDENCE}/claims"), "claims").await
}

async fn claim(client: &Client, key: &str) -> Value {
    claims(client).await.into_iter().find(|claim| claim["claimKey"] == key).expect("the claim is listed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_is_pushed_reviewed_and_delivered_and_one_whose_validity_has_ended_expires() {
    let installation = Installation::new();
    fs::write(installation.folder().join("bundle.jsonl"), BUNDLE.trim()).expect("the bundle is written");
    installation.run_json(&["workspace", "create", "--slug", "default", "--name", "Default"]);
    installation.run_json(&["import", "bundle", "bundle.jsonl", "--workspace", "default"]);
    let receiver = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(installation).unlimited()).start();
    let client = server.create_client("backup-job", &SCOPES).await;
    subscribe(&client, &receiver.url("/evidence"), &EVENTS).await;

    eventually("the old claim expires", async || {
        let old = claim(&client, "old").await;
        (old["status"] == "expired").then_some(old)
    })
    .await;
    let path = "/api/v1/audit/entries?action=evidence_claim.expired";
    let entry = client.list_all(path, "entries").await.remove(0);
    assert_eq!(entry["actor"]["kind"], "system");
    assert_eq!(entry["changes"], json!([{ "field": "status", "before": "approved", "after": "expired" }]));

    let requirement = client.list_all(&format!("{EVIDENCE}/requirements"), "requirements").await.remove(0);
    for key in ["good", "bad", "extra"] {
        let body = json!({
            "evidenceRequirementId": requirement["id"], "claimKey": key, "title": key,
            "attachments": [{ "fileName": "report.txt", "contentType": "text/plain", "contentBase64": "cmVwb3J0" }],
            "reason": "pushed by a test of the program",
        });
        let made = client.post(&format!("{EVIDENCE}/claims"), &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let installation = server.installation();
    let run = |arguments: &[&str]| {
        let ran = installation.run(&[&["evidence"][..], arguments, &["--workspace", "default"]].concat());
        (ran.status.code(), ran.stdout + &ran.stderr)
    };
    assert_eq!(run(&["approve", "good", "--note", "As the log says"]).0, Some(0));
    let (code, output) = run(&["reject", "good"]);
    assert_eq!(code, Some(1));
    assert!(output.contains("with status approved can't become rejected"), "{output}");
    assert_eq!(run(&["reject", "bad"]).0, Some(0));
    assert_eq!(run(&["withdraw", "extra", "--reason", "It was a test only"]).0, Some(0));
    wait_until("all events are delivered", Duration::from_secs(20), || receiver.count("/evidence") == 5).await;

    let received = receiver.deliveries_to("/evidence");
    let mut delivered: Vec<_> = received
        .iter()
        .map(|delivery| {
            let claim = &delivery.body["data"]["claim"];
            assert_eq!(claim["attachments"][0]["fileName"], "report.txt");
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            [text(&delivery.body["type"]), text(&claim["claimKey"]), text(&claim["status"])]
        })
        .collect();
    delivered.sort();
    let expected = [
        ["evidence.claim.approved", "good", "approved"],
        ["evidence.claim.created", "bad", "pending"],
        ["evidence.claim.created", "extra", "pending"],
        ["evidence.claim.created", "good", "pending"],
        ["evidence.claim.rejected", "bad", "rejected"],
    ];
    assert_eq!(delivered, expected.map(|delivery| delivery.map(str::to_owned)));
    let good = claim(&client, "good").await;
    assert_eq!((&good["status"], &good["reviewNote"]), (&json!("approved"), &json!("As the log says")));
    assert_eq!(claim(&client, "extra").await["status"], "withdrawn");

    let exported = installation.run(&["export", "--workspace", "default", "--kind", "evidence-claim"]);
    assert!(exported.stderr.contains("the attachments of these evidence claims are left out"), "{}", exported.stderr);
    assert_eq!(exported.stdout.lines().count(), 4);
    assert!(!exported.stdout.contains("attachments"), "{}", exported.stdout);
    fs::write(installation.folder().join("again.jsonl"), &exported.stdout).expect("the export is written");
    installation.run_json(&["import", "bundle", "again.jsonl", "--workspace", "default"]);
    assert_eq!(claim(&client, "good").await, good, "an import changed a claim, or lost its attachments");
    assert!(server.stop().success());
}
