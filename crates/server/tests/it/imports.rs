//! Imports with the command line.

use std::fs;

use serde_json::{Value, json};

use crate::support::Installation;

fn installation() -> Installation {
    let installation = Installation::new();
    installation.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    installation
}

fn counts(summary: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| summary[name].as_u64().expect("a count"))
}

fn sarif(results: usize) -> String {
    let results: Vec<Value> = (0..results)
        .map(|number| {
            json!({
                "ruleId": "sql-injection",
                "message": { "text": format!("Statement {number} is built from input") },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": "src/Main.java" }, "region": { "startLine": number + 1 },
                } }],
            })
        })
        .collect();
    json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "scanner" } }, "results": results }] })
        .to_string()
}

#[test]
fn a_second_import_of_a_scan_changes_nothing() {
    let installation = installation();
    fs::write(installation.folder().join("scan.sarif"), sarif(1203)).unwrap();
    let import = ["import", "sarif", "scan.sarif", "--workspace", "made"];
    assert_eq!(counts(&installation.run_json(&[&import[..], &["--dry-run"]].concat())), [1203, 0, 0, 0]);
    assert_eq!(counts(&installation.run_json(&import)), [1203, 0, 0, 0]);
    assert_eq!(counts(&installation.run_json(&import)), [0, 0, 1203, 0]);
}

#[test]
fn a_truncated_scan_is_refused_with_its_position_and_changes_nothing() {
    let installation = installation();
    let scan = sarif(10);
    fs::write(installation.folder().join("cut.sarif"), &scan[..scan.len() / 2]).unwrap();
    let ran = installation.run(&["import", "sarif", "cut.sarif", "--workspace", "made", "--json"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("cut.sarif") && ran.stderr.contains("line 1"), "{}", ran.stderr);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(counts(&summary), [0, 0, 0, 0]);
    assert!(summary["error"].as_str().unwrap().starts_with("cut.sarif: the file is truncated"), "{summary}");
}

#[test]
fn a_bundle_import_stores_valid_lines_and_reports_invalid_ones() {
    let installation = installation();
    let lines = [
        json!({ "kind": "finding", "record": { "findingKey": "f-1", "title": "One", "severity": "low", "sourceKind": "manual" } }),
        json!({ "kind": "finding", "record": { "findingKey": "f-2", "title": "Two", "severity": "dire", "sourceKind": "manual" } }),
        json!({ "kind": "control", "record": { "controlKey": "c-1", "title": "Backups are tested", "status": "active" } }),
    ];
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    fs::write(installation.folder().join("bundle.jsonl"), text.join("\n")).unwrap();
    let import = ["import", "bundle", "bundle.jsonl", "--workspace", "made", "--json"];
    let ran = installation.run(&import);
    assert_eq!(ran.status.code(), Some(1));
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(counts(&summary), [2, 0, 0, 1]);
    assert_eq!(summary["failures"][0]["line"], 2);
    assert_eq!(summary["failures"][0]["key"], "f-2");
    let again: Value = serde_json::from_str(&installation.run(&import).stdout).unwrap();
    assert_eq!(counts(&again), [0, 0, 2, 1]);
    let readable = installation.run(&import[..import.len() - 1]);
    assert!(readable.stdout.contains("line 2 (f-2)"), "{}", readable.stdout);
}

#[test]
fn a_bundle_without_a_record_is_imported_with_a_warning() {
    let installation = installation();
    for empty in ["", "\u{feff}", "\n \n"] {
        fs::write(installation.folder().join("empty.jsonl"), empty).unwrap();
        let summary = installation.run_json(&["import", "bundle", "empty.jsonl", "--workspace", "made"]);
        assert_eq!(counts(&summary), [0, 0, 0, 0], "{empty:?}");
        assert_eq!(summary["warnings"], json!(["the file has no records"]), "{empty:?}");
    }
}
