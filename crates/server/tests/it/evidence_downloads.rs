//! `novantra evidence download`, and the approval of what can be read.

use std::fs;

use serde_json::json;

use crate::{
    attachments::{SCOPES, claim, files, import_requirement, upload_as},
    support::{CommandOutput, Installation, Server},
};

fn evidence(installation: &Installation, arguments: &[&str]) -> CommandOutput {
    installation.run(&[&["evidence"], arguments, &["--workspace", "default"]].concat())
}

#[tokio::test]
async fn a_reviewer_downloads_the_files_of_a_claim_verified_and_as_a_part_of_its_custody() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let installation = server.installation().clone();
    let requirement = import_requirement(&installation, &client).await;
    let one = upload_as(&client, &server, "report.csv", b"one").await;
    let two = upload_as(&client, &server, "report.csv", b"two").await;
    let hidden = upload_as(&client, &server, ".bashrc", b"alias ls=rm").await;
    let id = claim(&client, &requirement, json!({ "claimKey": "three", "attachmentIds": [one, two, hidden] })).await;

    let folder = installation.folder().join("review");
    let ran =
        evidence(&installation, &["download", "three", "--output", "review", "--reason", "Review of restore tests"]);
    assert!(ran.status.success(), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 3, "{}", ran.stdout);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("report.csv"), "one");
    assert_eq!(read(&format!("{two}-report.csv")), "two");
    assert_eq!(read("_bashrc"), "alias ls=rm");
    assert_eq!(files(&folder).len(), 3, "nothing else is left");

    let custody = client.get(&format!("/api/v1/governance/evidence/claims/{id}/custody")).await.body;
    let downloads: Vec<_> = custody["custodyEvents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["eventKind"] == "downloaded")
        .map(|event| {
            (event["actor"]["name"].as_str().unwrap(), event["reason"].as_str().unwrap(), event["attachmentId"].clone())
        })
        .collect();
    assert_eq!(downloads.len(), 3, "{custody}");
    for attachment in [&one, &two, &hidden] {
        assert!(downloads.contains(&("command line", "Review of restore tests", json!(attachment))), "{downloads:?}");
    }

    fs::write(folder.join("report.csv"), "mine").unwrap();
    let refused = evidence(&installation, &["download", &id, "--output", "review/"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("review/report.csv exists already and is not overwritten"), "{}", refused.stderr);
    assert_eq!(read("report.csv"), "mine");
    assert!(evidence(&installation, &["download", &id, "--output", "review/", "--force"]).status.success());
    assert_eq!(read("report.csv"), "one");

    let single = ["download", &two, "--output", "second.csv"];
    assert!(evidence(&installation, &single).status.success());
    assert_eq!(fs::read_to_string(installation.folder().join("second.csv")).unwrap(), "two");
    assert_eq!(evidence(&installation, &single).status.code(), Some(1));
    let report = installation.run_json(&["evidence", "download", &one, "--workspace", "default"]);
    assert_eq!((&report["files"][0]["path"], &report["files"][0]["size"]), (&"report.csv".into(), &3.into()));
    assert_eq!(fs::read_to_string(installation.folder().join("report.csv")).unwrap(), "one");

    for absent in ["evatt_01KSFQEHQ80000000000000002", "four"] {
        let refused = evidence(&installation, &["download", absent]);
        assert!(refused.status.code() == Some(1) && refused.stderr.contains(absent), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn altered_and_missing_bytes_are_neither_downloaded_nor_approved() {
    let server = Server::start();
    let client = server.create_client("uploader", SCOPES).await;
    let installation = server.installation().clone();
    let requirement = import_requirement(&installation, &client).await;
    for (key, bytes) in [("altered", b"altered"), ("missing", b"missing"), ("shorter", b"shorter")] {
        let id = upload_as(&client, &server, "report.csv", bytes).await;
        claim(&client, &requirement, json!({ "claimKey": key, "attachmentIds": [id] })).await;
    }
    for file in files(&installation.folder().join("data/attachments")) {
        match &*fs::read(&file).unwrap() {
            b"altered" => fs::write(file, "aLtered").unwrap(),
            b"missing" => fs::remove_file(file).unwrap(),
            b"shorter" => fs::write(file, "short").unwrap(),
            _ => {}
        }
    }
    for key in ["altered", "missing", "shorter"] {
        let refused = evidence(&installation, &["download", key, "--output", "review/"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(refused.stderr.contains("can't download the attachment evatt_"), "{}", refused.stderr);
    }
    assert!(files(&installation.folder().join("review")).is_empty());
    let log = installation.run(&["audit", "export", "--workspace", "default"]).stdout;
    assert!(!log.contains("evidence_attachment.downloaded"), "nobody got a file");
    for key in ["missing", "shorter"] {
        let refused = evidence(&installation, &["approve", key]);
        assert_eq!(refused.status.code(), Some(1));
        let reason = format!("the claim {key} can't be approved: the bytes of its attachment evatt_");
        assert!(refused.stderr.contains(&reason) && refused.stderr.contains("report.csv"), "{}", refused.stderr);
        let claim = installation.run_json(&["evidence", "show", key, "--workspace", "default"]);
        assert_eq!(claim["status"], "pending");
        assert!(evidence(&installation, &["reject", key]).status.success());
    }
}
