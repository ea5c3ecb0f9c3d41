//! The commands that move assessments and submission packages, beside a running server.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Client, Installation, Server};

/// Imports records of one kind into the workspace of the tests.
fn import(installation: &Installation, kind: &str, records: &[Value]) -> Value {
    let lines: Vec<String> =
        records.iter().map(|record| json!({ "kind": kind, "record": record }).to_string()).collect();
    fs::write(installation.folder().join("bundle.jsonl"), lines.join("\n")).expect("the bundle is written");
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
    listed.body["entries"].as_array().expect("entries").clone()
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
fn packages_are_listed_by_due_date_and_the_overdue_ones_alone() {
    let installation = Installation::new();
    installation.run_json(&["installation", "create"]);
    installation.run_json(&["workspace", "create", "--slug", "default", "--name", "Default"]);
    let requirement = json!({ "requirementKey": "r", "title": "Report", "submissionKind": "regulator_report" });
    import(&installation, "submission-requirement", &[requirement]);
    let package = |(key, due_at, status): (&str, Option<&str>, &str)| json!({ "packageKey": key, "title": "T", "submissionRequirementKey": "r", "dueAt": due_at, "status": status });
    let packages = [
        ("later", Some("2999-01-01"), "draft"),
        ("never", None, "draft"),
        ("late", Some("2026-02-01"), "in_review"),
        ("sent", Some("2026-01-01"), "submitted"),
        ("latest", Some("2026-01-31"), "ready"),
    ];
    import(&installation, "submission-package", &packages.map(package));
    let list = |arguments: &[&str]| -> Vec<String> {
        let list = ["submission", "package", "list", "--workspace", "default"];
        let listed = installation.run_json(&[&list, arguments].concat());
        let packages = listed["submissionPackages"].as_array().expect("packages");
        packages.iter().map(|package| package["packageKey"].as_str().expect("a key").to_owned()).collect()
    };
    assert_eq!(list(&[]), ["latest", "sent", "late", "never", "later"]);
    assert_eq!(list(&["--by-due-date"]), ["sent", "latest", "late", "later", "never"]);
    assert_eq!(list(&["--by-due-date", "--limit", "2", "--status", "draft,ready"]), ["latest", "later"]);
    assert_eq!(list(&["--overdue"]), ["latest", "late"]);
    assert_eq!(list(&["--overdue", "--limit", "1"]), ["latest"]);
}

#[test]
fn a_package_whose_recipient_has_not_answered_is_archived_only_with_yes() {
    let installation = Installation::new();
    installation.run_json(&["installation", "create"]);
    installation.run_json(&["workspace", "create", "--slug", "default", "--name", "Default"]);
    let requirement = json!({ "requirementKey": "r", "title": "Report", "submissionKind": "regulator_report" });
    import(&installation, "submission-requirement", &[requirement]);
    let package =
        |status: &str| json!({ "packageKey": status, "title": "T", "submissionRequirementKey": "r", "status": status });
    import(&installation, "submission-package", &["draft", "submitted", "acknowledged", "accepted"].map(package));
    for status in ["submitted", "acknowledged"] {
        let refused = installation.run(&on("submission package archive", status));
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains(&format!("the package is {status}: once it is archived, no answer")));
        let shown = installation.run_json(&on("submission package show", status));
        assert_eq!(shown["submissionPackage"]["status"], status);
        let confirmed = [&on("submission package archive", status)[..], &["--yes"]].concat();
        assert_eq!(installation.run_json(&confirmed)["submissionPackage"]["status"], "archived");
    }
    for status in ["draft", "accepted"] {
        assert_eq!(
            installation.run(&on("submission package archive", status)).stdout,
            format!("{status} is archived\n")
        );
    }
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
