//! Imports of one bundle by several commands at the same time.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::bundle_imports::{installation, line};

#[test]
fn imports_at_the_same_time_create_no_record_without_a_key_twice() {
    let installation = installation(&["default"]);
    let folder = installation.folder();
    let parents = line("indicator", &json!({ "indicatorKey": "KRI", "title": "Rate", "indicatorKind": "kri" }))
        + &line("monitor-definition", &json!({ "monitorKey": "MON", "title": "Backups" }));
    fs::write(folder.join("parents.jsonl"), parents).unwrap();
    installation.run_json(&["import", "bundle", "parents.jsonl", "--workspace", "default"]);
    let mut series = String::new();
    for minute in 0..1_200 {
        let at = format!("2026-05-01T{:02}:{:02}:00Z", minute / 60, minute % 60);
        series +=
            &line("measurement", &json!({ "indicatorDefinitionKey": "KRI", "measuredValue": "1", "measuredAt": at }));
        series += &line(
            "monitor-run",
            &json!({
                "monitorDefinitionKey": "MON", "triggerKind": "manual", "aggregateResult": "pass", "passCount": 1,
                "failCount": 0, "warningCount": 0, "unknownCount": 0, "startedAt": at,
            }),
        );
    }
    fs::write(folder.join("series.jsonl"), series).unwrap();
    let import = || {
        let mut program = installation.program();
        program.args(["import", "bundle", "series.jsonl", "--workspace", "default", "--json"]);
        program.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut created = 0;
    for running in [import(), import(), import()] {
        let summary: Value = serde_json::from_slice(&running.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(summary["failed"], 0, "{summary}");
        created += summary["created"].as_u64().unwrap();
    }
    assert_eq!(created, 2_400);
    for kind in ["measurement", "monitor-run"] {
        let exported = installation.run(&["export", "--workspace", "default", "--kind", kind]);
        assert_eq!(exported.stdout.lines().count(), 1_200, "{kind}");
    }
}
