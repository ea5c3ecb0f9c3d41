//! Completed assessments, from a bundle and a command to the receiver.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    actions::{allow_loopback, subscribe, wait_until},
    receiver::WebhookReceiver,
    support::{Installation, Setup},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assessment_that_a_command_completes_or_a_bundle_creates_so_is_delivered_once() {
    let receiver = WebhookReceiver::start().await;
    let server = allow_loopback(Setup::with_installation(Installation::new()).unlimited()).start();
    let client = server.create_client("mirror", &["webhooks:manage", "governance.assessments:read"]).await;
    subscribe(&client, &receiver.url("/assessments"), &["assessment.completed"]).await;
    let installation = server.installation();
    let lines = [("ASM-1", "in-progress"), ("ASM-2", "completed"), ("ASM-3", "planned")].map(|(key, status)| {
        let record = json!({ "assessmentKey": key, "title": key, "status": status, "completedAt": null });
        json!({ "kind": "assessment", "record": record }).to_string()
    });
    fs::write(installation.folder().join("bundle.jsonl"), lines.join("\n")).unwrap();
    for _ in 0..2 {
        installation.run_json(&["import", "bundle", "bundle.jsonl", "--workspace", "default"]);
        installation.run_json(&["assessment", "complete", "ASM-1", "--workspace", "default"]);
    }
    wait_until("both events are delivered", Duration::from_secs(20), || receiver.count("/assessments") >= 2).await;
    installation.run_json(&["assessment", "start", "ASM-3", "--workspace", "default"]);
    installation.run_json(&["assessment", "complete", "ASM-3", "--workspace", "default"]);
    wait_until("the third event is delivered", Duration::from_secs(20), || receiver.count("/assessments") >= 3).await;
    let mut delivered: Vec<_> = receiver
        .deliveries_to("/assessments")
        .iter()
        .map(|delivery| {
            let (body, assessment) = (&delivery.body, &delivery.body["data"]["assessment"]);
            assert_eq!((&body["type"], &assessment["status"]), (&json!("assessment.completed"), &json!("completed")));
            assessment["assessmentKey"].as_str().unwrap().to_owned()
        })
        .collect();
    delivered.sort();
    assert_eq!(delivered, ["ASM-1", "ASM-2", "ASM-3"]);
    assert!(server.stop().success());
}
