//! The commands that move assessments and submission packages, beside a running server.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Client, Installation, Server};

/// Imports records of one kind into the workspace of the tests.
fn import(installation: &Installation, kind: &str, records: &[Value]) -> Value {
    let lines: Vec<String> =
        records.iter().map(|record| json!({ "kind": kind, "record": record }).to_string()).collect();
    fs::write(installation.folder().join("bundle.jsonl"), lines.join("\n")).unwrap();
    installation.run_json(&["import", "bundle", "bundle.jsonl", "--workspace", "default"])
}

/// The arguments of a command on a record of the workspace.
fn on<'a>(command: &'a str, key: &'a str) -> Vec<&'a str> {
    command.split(' ').chain([key, "--workspace", "default"]).collect()
}

async fn audited(server: &Server, action: &str) -> Vec<Value> {
    let credentials = server.create_account(&format!("auditor of {action}"), &["audit:read"]);
    let client = Client::with_token(&server.url, &credentials).await;
    let listed = client.get(&format!("/api/v1/audit/entries?action={action}")).await;
    listed.body["entries"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_assessment_is_completed_by_command_once_with_its_reason_in_the_audit_log() {
    let server = Server::start();
    let installation = server.installation();
    import(installation, "assessment", &[json!({ "assessmentKey": "ASM-1", "title": "Wire desk" })]);
    let refused = installation.run(&on("assessment complete", "ASM-1"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("allowed from: in-progress"), "{}", refused.stderr);
    assert_eq!(installation.run(&on("assessment start", "ASM-1")).stdout, "ASM-1 is in-progress\n");
    let mut complete = on("assessment complete", "ASM-1");
    complete.extend(["--completed-at", "2026-03-31", "--reason", "The report is signed"]);
    let completed = installation.run_json(&complete);
    assert_eq!(completed["changed"], true);
    assert_eq!(completed["assessment"]["completedAt"], "2026-03-31T00:00:00.000Z");
    let again = installation.run(&complete);
    assert_eq!((again.status.code(), &*again.stdout), (Some(0), "ASM-1 is completed already; nothing was changed\n"));
    let entries = audited(&server, "assessment.completed").await;
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[1]["reason"], &entries[0]["changes"]), (&json!("The report is signed"), &json!([])));
    let shown = installation.run_json(&on("assessment show", "ASM-1"));
    assert_eq!(shown["assessment"], completed["assessment"]);
}

#[tokio::test]
async fn an_import_keeps_the_status_of_an_assessment_that_exists() {
    let server = Server::start();
    let installation = server.installation();
    import(installation, "assessment", &[json!({ "assessmentKey": "ASM-1", "title": "Wire desk" })]);
    installation.run_json(&on("assessment start", "ASM-1"));
    let line = json!({ "assessmentKey": "ASM-1", "title": "Wire desk and vault", "status": "completed" });
    assert_eq!(import(installation, "assessment", &[line])["updated"], 1);
    let shown = installation.run_json(&on("assessment show", "ASM-1"));
    assert_eq!(shown["assessment"]["title"], "Wire desk and vault");
    assert_eq!(shown["assessment"]["status"], "in-progress");
}

#[tokio::test]
async fn a_package_is_prepared_by_commands() {
    let server = Server::start();
    let installation = server.installation();
    let requirement = json!({ "requirementKey": "r", "title": "Report", "submissionKind": "regulator_report" });
    import(installation, "submission-requirement", &[requirement]);
    let package = json!({ "packageKey": "q1", "title": "First quarter", "submissionRequirementKey": "r" });
    import(installation, "submission-package", &[package]);
    for (command, status) in [
        ("start-review", "in_review"),
        ("return", "draft"),
        ("start-review", "in_review"),
        ("approve", "ready"),
        ("archive", "archived"),
    ] {
        let moved = installation.run_json(&on(&format!("submission package {command}"), "q1"));
        assert_eq!((&moved["submissionPackage"]["status"], &moved["changed"]), (&json!(status), &json!(true)));
    }
    let refused = installation.run(&on("submission package return", "q1"));
    assert!(refused.stderr.contains("a package with status archived allows: the events comment"), "{}", refused.stderr);
    assert_eq!(audited(&server, "submission_package.review_started").await.len(), 2);
}

#[test]
fn records_are_listed_by_status_newest_first_and_named_by_their_keys() {
    let installation = Installation::new();
    installation.run_json(&["installation", "create"]);
    installation.run_json(&["workspace", "create", "--slug", "default", "--name", "Default"]);
    let records = ["planned", "in-progress", "planned"]
        .iter()
        .enumerate()
        .map(|(number, status)| json!({ "assessmentKey": format!("ASM-{number}"), "title": "A B", "status": status }));
    import(&installation, "assessment", &records.collect::<Vec<_>>());
    let list = |arguments: &[&str]| {
        let ran = installation.run(&[&["assessment", "list", "--workspace", "default"], arguments].concat());
        (ran.status.code(), ran.stdout, ran.stderr)
    };
    let expected =
        "KEY    STATUS   COMPLETED_AT  TITLE\nASM-2  planned  none          A B\nASM-0  planned  none          A B\n";
    assert_eq!(list(&["--status", "planned"]).1, expected);
    assert_eq!(list(&["--limit", "1"]).1.lines().count(), 2);
    let (status, _, stderr) = list(&["--status", "plannd"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("--status must be one of: planned, in-progress"), "{stderr}");
    let missing = installation.run(&on("assessment show", "ASM-9"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stderr.contains("the workspace default has no assessment with the key \"ASM-9\""));
    let time = [&on("assessment complete", "ASM-1")[..], &["--completed-at", "yesterday"]].concat();
    assert_eq!(installation.run(&time).status.code(), Some(2));
    let time = [&on("assessment complete", "ASM-1")[..], &["--completed-at", "2999-01-01"]].concat();
    assert!(installation.run(&time).stderr.contains("is in the future"));
}
