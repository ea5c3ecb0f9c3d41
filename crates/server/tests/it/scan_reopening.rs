//! Scans that report findings again which people have decided about.

use std::fs;

use serde_json::{Value, json};

use crate::{scan_imports::scan, support::Server};

#[tokio::test]
async fn a_finding_of_which_somebody_named_the_original_after_an_import_closed_it_is_not_reopened() {
    let server = Server::start();
    let import = |file: &str, options: &[&str]| -> Value {
        let command = ["import", "sarif", file, "--workspace", "default", "--close-missing"];
        server.installation().run_json(&[&command[..], options].concat())
    };
    let write = |name: &str, rules: &[&str]| {
        fs::write(server.installation().folder().join(name), scan(rules).to_string()).expect("the file is written");
    };
    write("all.sarif", &["R1", "R2", "R3", "R4"]);
    write("none.sarif", &[]);
    import("all.sarif", &[]);
    assert_eq!(import("none.sarif", &[])["closed"], 4);
    let client = server.create_client("people", &["governance.findings:read", "governance.findings:write"]).await;
    let findings = client.list_all("/api/v1/governance/findings", "findings").await;
    let id = |rule: &str| {
        let of_rule = findings.iter().find(|finding| finding["sourceResourceId"] == rule).expect("a finding");
        of_rule["id"].as_str().expect("an id").to_owned()
    };
    for (rule, event) in [("R1", json!({ "eventType": "verified_as_duplicate", "duplicateOfFindingId": id("R4") }))] {
        let mut event = event;
        event["reason"] = json!("Decided in the review");
        let answer = client.post(&format!("/api/v1/governance/findings/{}/events", id(rule)), &event).await;
        assert_eq!(answer.status, 201, "{rule}: {:?}", answer.body);
    }
    let summary = import("all.sarif", &["--reopen"]);
    assert_eq!((&summary["reopened"], &summary["stillReported"]), (&json!(3), &json!({ "closed": 1 })), "{summary}");
    let after = client.list_all("/api/v1/governance/findings", "findings").await;
    for finding in after {
        let expected = if finding["sourceResourceId"] == "R1" { "closed" } else { "open" };
        assert_eq!(finding["status"], expected, "{finding}");
        assert_eq!(finding["duplicateOfFindingId"].is_null(), finding["sourceResourceId"] != "R1", "{finding}");
    }
}
