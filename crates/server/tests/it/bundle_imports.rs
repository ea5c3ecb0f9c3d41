//! Imports of bundles with the command line: references, order, identities, and poor input.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{CommandOutput, Installation, eventually};

/// Two or more records of most kinds, children before parents.
pub(crate) const EVERY_KIND: &str = include_str!("bundles/every-kind.jsonl");

pub(crate) fn installation(workspaces: &[&str]) -> Installation {
    let installation = Installation::new();
    create_workspaces(&installation, workspaces);
    installation
}

pub(crate) fn create_workspaces(installation: &Installation, workspaces: &[&str]) {
    for slug in workspaces {
        installation.run_json(&["workspace", "create", "--slug", slug, "--name", slug]);
    }
}

pub(crate) fn line(kind: &str, record: &Value) -> String {
    format!("{}\n", json!({ "kind": kind, "record": record }))
}

/// The summary of an import of the text.
pub(crate) fn import(installation: &Installation, workspace: &str, text: &str, options: &[&str]) -> Value {
    fs::write(installation.folder().join("bundle.jsonl"), text).expect("a file");
    let import = ["import", "bundle", "bundle.jsonl", "--workspace", workspace, "--json"];
    summary(&installation.run(&[&import[..], options].concat()))
}

fn summary(ran: &CommandOutput) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
}

pub(crate) fn counts(summary: &Value) -> [u64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| summary[name].as_u64().expect("a count"))
}

/// The line and the message of each failure.
fn failures(summary: &Value) -> Vec<(u64, String)> {
    let failures = summary["failures"].as_array().expect("failures").iter();
    failures
        .map(|failure| {
            (failure["line"].as_u64().expect("a line"), failure["message"].as_str().expect("a message").to_owned())
        })
        .collect()
}

fn framework(version_key: &str) -> String {
    let framework = json!({ "frameworkKey": "f", "name": "F", "sourceKind": "internal" });
    line("framework", &framework) + &version(version_key)
}

fn version(key: &str) -> String {
    let record = json!({ "frameworkKey": "f", "versionKey": key, "versionLabel": "V", "sourceKind": "internal" });
    line("framework-version", &record)
}

fn node(version: &str, key: &str, parent: Option<&str>) -> String {
    let record = json!({
        "frameworkVersionKey": format!("f/{version}"), "nodeKey": key, "parentNodeKey": parent, "nodeKind": "group",
        "title": key, "position": 0,
    });
    line("framework-node", &record)
}

#[tokio::test]
async fn records_refer_to_each_other_by_key_in_any_order_and_a_second_import_changes_nothing() {
    let installation = installation(&["made"]);
    let total = EVERY_KIND.lines().count() as u64;
    assert_eq!(counts(&import(&installation, "made", EVERY_KIND, &["--dry-run"])), [total, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "made", EVERY_KIND, &[])), [total, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "made", EVERY_KIND, &[])), [0, 0, total, 0]);
    let reversed: Vec<&str> = EVERY_KIND.lines().rev().collect();
    assert_eq!(counts(&import(&installation, "made", &reversed.join("\n"), &[])), [0, 0, total, 0]);
    let database = installation.database().await;
    for (child, expected) in [
        (
            "SELECT p.key FROM framework_nodes n JOIN framework_nodes p ON p.id = n.parent_node_id WHERE n.key = 'AC-2(1)'",
            "AC-2",
        ),
        (
            "SELECT f.key FROM framework_versions v JOIN frameworks f ON f.id = v.framework_id WHERE v.key = '2022'",
            "a/b",
        ),
        ("SELECT count(*) FROM monitor_run_items i JOIN monitor_runs r ON r.id = i.monitor_run_id", "2"),
    ] {
        assert_eq!(database.cell(child).await, expected, "{child}");
    }
}

#[tokio::test]
async fn what_only_the_server_sets_follows_from_imported_measurements_and_runs() {
    let installation = installation(&["made"]);
    import(&installation, "made", EVERY_KIND, &[]);
    let database = installation.database().await;
    let latest = "SELECT latest_measurement_value FROM indicators WHERE key = 'KRI-1'";
    assert_eq!(database.cell(latest).await, "-3.50");
    let earlier = "SELECT measured_value FROM measurements WHERE measured_at = (SELECT latest_measurement_at FROM indicators WHERE key = 'KRI-1')";
    assert_eq!(database.cell(earlier).await, "-3.50");
    let last_run = "SELECT count(*) FROM monitor_definitions d JOIN monitor_runs r ON r.started_at = d.last_run_at WHERE r.trigger_kind = 'scheduled'";
    assert_eq!(database.cell(last_run).await, "1");
    // The indicator's own line leaves them as they are; a correction of the latest measurement changes them.
    let indicator = json!({ "indicatorKey": "KRI-1", "title": "Renamed", "indicatorKind": "kri" });
    assert_eq!(counts(&import(&installation, "made", &line("indicator", &indicator), &[])), [0, 1, 0, 0]);
    assert_eq!(database.cell(latest).await, "-3.50");
    let corrected =
        json!({ "indicatorDefinitionKey": "KRI-1", "measuredValue": "7", "measuredAt": "2026-05-02T00:00:00Z" });
    assert_eq!(counts(&import(&installation, "made", &line("measurement", &corrected), &[])), [0, 1, 0, 0]);
    assert_eq!(database.cell(latest).await, "7");
    let entries = installation.audit_entries("made");
    let audited = entries.iter().filter(|entry| entry["action"] == "indicator.updated").count();
    assert_eq!(audited, 4, "two indicators by measurements, one line, and one correction");
}

#[test]
fn a_reference_without_a_record_fails_its_own_line_only() {
    let installation = installation(&["made", "other"]);
    import(&installation, "other", &framework("2"), &[]);
    let other_version = |reference: Value| {
        let mut record = json!({ "versionKey": "x", "versionLabel": "V", "sourceKind": "internal" });
        record.as_object_mut().unwrap().extend(reference.as_object().unwrap().clone());
        line("framework-version", &record)
    };
    let id = "frwk_01KSFQEHQ80000000000000002";
    let text = [
        framework("1"),
        other_version(json!({ "frameworkKey": "gone" })),
        other_version(json!({ "frameworkId": id })),
        node("2", "a", None),
        node("1", "b", Some("gone")),
        node("1", "c", Some("b")),
        node("1", "d", Some("d")),
        node("1", "e", Some("f")),
        node("1", "f", Some("e")),
        node("1", "g", Some("e")),
        node("1", "h", None),
        line("release", &json!({ "releaseKey": "r", "title": "R", "changeRequestKeys": ["one", "two"] })),
        line("monitor-run-item", &json!({ "monitorRunKey": "M/2026", "result": "pass", "observedAt": "2026-01-01" })),
    ]
    .concat();
    let none = ": the workspace has none, and no valid line creates it";
    let cycle = "parentNodeKey: the record would be above itself: the parents form a cycle";
    let expected = [
        (3, format!("frameworkKey: there is no framework with the key \"gone\"{none}")),
        (4, format!("frameworkId: the workspace has no framework {id}")),
        (5, format!("frameworkVersionKey: there is no framework version with the key \"f/2\"{none}")),
        (6, format!("parentNodeKey: there is no framework node with the key \"gone\" within its parent{none}")),
        (7, "parentNodeKey: the record with the key \"b\" can't be imported: see its own line".to_owned()),
        (8, cycle.to_owned()),
        (9, cycle.to_owned()),
        (10, cycle.to_owned()),
        (11, "parentNodeKey: the record with the key \"e\" can't be imported: see its own line".to_owned()),
        (
            13,
            [
                format!("changeRequestKeys: there is no change request with the key \"one\"{none}"),
                format!("changeRequestKeys: there is no change request with the key \"two\"{none}"),
            ]
            .join("; "),
        ),
        (14, format!("monitorRunKey: there is no monitor run with the key \"M/2026\"{none}")),
    ];
    for options in [&["--dry-run"][..], &[]] {
        let summary = import(&installation, "made", &text, options);
        assert_eq!(failures(&summary), expected);
        assert_eq!(counts(&summary), [3, 0, 0, 11], "the framework, its version and one node");
    }
}

#[tokio::test]
async fn an_identifier_must_be_of_a_record_of_the_workspace_and_of_the_parent_beside_it() {
    let installation = installation(&["made", "other"]);
    let two_versions = framework("1") + &version("2") + &node("1", "n", None);
    for workspace in ["made", "other"] {
        assert_eq!(counts(&import(&installation, workspace, &two_versions, &[])), [4, 0, 0, 0]);
    }
    let database = installation.database().await;
    let ids = database.rows("SELECT id FROM framework_nodes ORDER BY id").await;
    let ids: Vec<String> = ids.iter().map(|row| format!("fnode_{}", row[0])).collect();
    let child = |version: &str, parent: &str| {
        let record = json!({
            "frameworkVersionKey": format!("f/{version}"), "nodeKey": "child", "parentNodeId": parent,
            "nodeKind": "group", "title": "child", "position": 0,
        });
        line("framework-node", &record)
    };
    let [own, foreign] = &ids[..] else { panic!("two nodes: {ids:?}") };
    let of_another = import(&installation, "made", &child("1", foreign), &[]);
    assert_eq!(failures(&of_another), [(1, format!("parentNodeId: the workspace has no framework node {foreign}"))]);
    let of_another_version = import(&installation, "made", &child("2", own), &[]);
    let message = format!("parentNodeId: the framework node {own} belongs to another parent than the one beside it");
    assert_eq!(failures(&of_another_version), [(1, message)]);
    assert_eq!(counts(&import(&installation, "made", &child("1", own), &[])), [1, 0, 0, 0]);
}

#[test]
fn nodes_can_be_moved_as_long_as_none_gets_above_itself() {
    let installation = installation(&["made"]);
    let tree = framework("1") + &node("1", "a", None) + &node("1", "b", Some("a")) + &node("1", "c", Some("b"));
    assert_eq!(counts(&import(&installation, "made", &tree, &[])), [5, 0, 0, 0]);
    let cycle = import(&installation, "made", &node("1", "a", Some("c")), &[]);
    assert_eq!(failures(&cycle)[0].1, "parentNodeKey: the record would be above itself: the parents form a cycle");
    // The first line is possible only after the third.
    let turned = node("1", "a", Some("b")) + &node("1", "b", Some("c")) + &node("1", "c", None);
    assert_eq!(counts(&import(&installation, "made", &turned, &["--dry-run"])), [0, 3, 0, 0]);
    assert_eq!(counts(&import(&installation, "made", &turned, &[])), [0, 3, 0, 0]);
    let ring = node("1", "c", Some("a")) + &node("1", "b", Some("c")) + &node("1", "a", Some("b"));
    let summary = import(&installation, "made", &ring, &[]);
    assert_eq!(counts(&summary), [0, 0, 2, 1], "the others stay as they are");
}

#[test]
fn a_deep_tree_in_reverse_order_is_imported() {
    let installation = installation(&["made"]);
    let nodes: Vec<String> = (0..600)
        .rev()
        .map(|depth| node("1", &format!("n{depth}"), (depth > 0).then(|| format!("n{}", depth - 1)).as_deref()))
        .collect();
    assert_eq!(counts(&import(&installation, "made", &(nodes.concat() + &framework("1")), &[])), [602, 0, 0, 0]);
}

#[test]
fn the_second_record_with_a_key_or_an_identity_fails_within_a_file_and_across_files() {
    let installation = installation(&["made"]);
    let control = line("control", &json!({ "controlKey": "C", "title": "C" }));
    let indicator = line("indicator", &json!({ "indicatorKey": "I", "title": "I", "indicatorKind": "kpi" }));
    let measurement = |value: &str, at: &str| {
        line("measurement", &json!({ "indicatorDefinitionKey": "I", "measuredValue": value, "measuredAt": at }))
    };
    let first = [
        control.clone(),
        indicator,
        measurement("1", "2026-01-01"),
        measurement("2", "2026-01-01T00:00:00Z"),
        control.clone(),
        measurement("3", "2026-01-02"),
    ];
    fs::write(installation.folder().join("one.jsonl"), first.concat()).unwrap();
    fs::write(installation.folder().join("two.jsonl"), control + &measurement("4", "2026-01-02")).unwrap();
    for expected in [[4, 0, 0, 4], [0, 0, 4, 4]] {
        let ran = installation.run(&["import", "bundle", "one.jsonl", "two.jsonl", "--workspace", "made", "--json"]);
        let summary = summary(&ran);
        assert_eq!(counts(&summary), expected);
        let of_two = summary["failures"].as_array().unwrap().iter().filter(|failure| failure["file"] == "two.jsonl");
        assert_eq!(of_two.count(), 2);
        assert_eq!(
            failures(&summary),
            [
                (4, "line 3 already has the measurement that this line describes".to_owned()),
                (5, "line 1 already has the control with this key".to_owned()),
                (1, "line 1 of another file already has the control with this key".to_owned()),
                (2, "line 6 of another file already has the measurement that this line describes".to_owned()),
            ]
        );
    }
}

#[test]
fn a_key_that_is_unique_within_its_parent_may_occur_once_in_each() {
    let installation = installation(&["made"]);
    let text = framework("1") + &version("2") + &node("1", "n", None) + &node("2", "n", None);
    let again = node("2", "n", None);
    assert_eq!(counts(&import(&installation, "made", &(text + &again), &[])), [5, 0, 0, 1]);
}

#[test]
fn poor_lines_fail_by_themselves_and_the_other_lines_are_imported() {
    let installation = installation(&["made"]);
    let control = |key: &str| line("control", &json!({ "controlKey": key, "title": key }));
    let long = line("control", &json!({ "controlKey": "long", "title": "x".repeat(2 * 1024 * 1024) }));
    let deep = format!("{}\n", "[".repeat(100_000));
    let twice = "{\"kind\":\"control\",\"record\":{\"controlKey\":\"a\",\"controlKey\":\"b\",\"title\":\"t\"}}\n";
    let text = ["\u{feff}", &control("a"), &long, &deep, twice, &control("b"), "{\"kind\":\"control\",\"rec"].concat();
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"\n{\"caf\xe9\":1}\n");
    fs::write(installation.folder().join("poor.jsonl"), bytes).unwrap();
    let ran = installation.run(&["import", "bundle", "poor.jsonl", "--workspace", "made", "--json"]);
    assert_eq!(ran.status.code(), Some(1));
    let summary = summary(&ran);
    assert_eq!(counts(&summary), [2, 0, 0, 5]);
    let messages = failures(&summary);
    let starts = [
        "the line is longer than 1048576 bytes",
        "not JSON: recursion limit",
        "controlKey: occurs twice",
        "not JSON: EOF while parsing a string; the line is cut off",
        "not UTF-8: byte 6",
    ];
    for ((line, message), (number, start)) in messages.iter().zip([2, 3, 4, 6, 7].into_iter().zip(starts)) {
        assert!(*line == number && message.starts_with(start), "{line}: {message}");
    }
}

#[test]
fn a_file_that_is_no_bundle_is_refused_as_a_whole() {
    let installation = installation(&["made"]);
    let utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&[u8], &str); 3] = [
        (b"key,title\na,b\n", "not a bundle at line 1, column 1: not JSON: expected value"),
        (&utf_16, "iconv -f UTF-16 -t UTF-8"),
        (b"[{\"kind\":\"control\"}]\n", "not a bundle at line 1, column 1: not a JSON object"),
    ];
    for (bytes, message) in cases {
        fs::write(installation.folder().join("file"), bytes).unwrap();
        let ran = installation.run(&["import", "bundle", "file", "--workspace", "made", "--json"]);
        assert_eq!(ran.status.code(), Some(1));
        assert!(ran.stderr.contains("file: ") && ran.stderr.contains(message), "{}", ran.stderr);
    }
    let ran = installation.run(&["import", "bundle", ".", "--workspace", "made"]);
    assert!(ran.stderr.contains("it is a folder"), "{}", ran.stderr);
    assert_eq!(counts(&import(&installation, "made", "", &[])), [0; 4], "an empty file has no records");
}

#[test]
fn only_the_first_thousand_failures_are_listed_and_all_are_counted() {
    let installation = installation(&["made"]);
    let summary = import(&installation, "made", &line("control", &json!({})).repeat(1005), &[]);
    assert_eq!(counts(&summary), [0, 0, 0, 1005]);
    assert_eq!((failures(&summary).len(), &summary["unlistedFailures"]), (1000, &json!(5)));
}

fn import_command(installation: &Installation, file: &str) -> Command {
    let mut command = installation.program();
    command.args(["import", "bundle", file, "--workspace", "made", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_bundle_is_read_from_the_standard_input() {
    let installation = installation(&["made"]);
    let mut running = import_command(&installation, "-").stdin(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(EVERY_KIND.as_bytes()).unwrap();
    let ran = CommandOutput::from(running.wait_with_output().unwrap());
    assert_eq!(counts(&summary(&ran)), [EVERY_KIND.lines().count() as u64, 0, 0, 0]);
}

#[tokio::test]
async fn the_import_after_one_that_was_killed_completes_it() {
    let installation = installation(&["made"]);
    let nodes: Vec<String> = (0..5000).map(|index| node("1", &format!("n{index}"), None)).collect();
    fs::write(installation.folder().join("large.jsonl"), framework("1") + &nodes.concat()).unwrap();
    let mut running = import_command(&installation, "large.jsonl").spawn().unwrap();
    let database = installation.database().await;
    eventually("some of the nodes are stored", async || {
        (database.cell("SELECT count(*) FROM framework_nodes").await != "0").then_some(())
    })
    .await;
    running.kill().unwrap();
    running.wait().unwrap();
    let stored: u64 = database.cell("SELECT count(*) FROM framework_nodes").await.parse().unwrap();
    assert!(stored < 5000, "the import was complete before it was killed");
    let next = import_command(&installation, "large.jsonl").output().unwrap();
    assert_eq!(counts(&summary(&CommandOutput::from(next))), [5000 - stored, 0, stored + 2, 0]);
}
