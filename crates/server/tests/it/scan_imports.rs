//! Imports of scans with the command line.

use std::{fs, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::support::{CommandOutput, Installation};

struct Workspace(Installation);

impl Workspace {
    fn new() -> Self {
        let installation = Installation::new();
        installation.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
        Self(installation)
    }

    fn write(&self, name: &str, file: &Value) {
        fs::write(self.0.folder().join(name), file.to_string()).expect("the file is written");
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.0.run(&[&["import", "sarif", "--workspace", "made"], arguments].concat())
    }

    fn import(&self, arguments: &[&str]) -> Value {
        self.0.run_json(&[&["import", "sarif", "--workspace", "made"], arguments].concat())
    }

    async fn status(&self, rule: &str) -> String {
        self.cell(&format!("SELECT status FROM findings WHERE source_resource_id = '{rule}'")).await
    }

    /// The reason of the last change of the finding of this rule.
    async fn reason(&self, rule: &str) -> String {
        let id = self.cell(&format!("SELECT id FROM findings WHERE source_resource_id = '{rule}'")).await;
        let entries = self.0.audit_entries("made");
        let is_change = |entry: &&Value| {
            entry["action"] == "finding.updated" && entry["subject"]["id"].as_str().is_some_and(|of| of.ends_with(&id))
        };
        let last = entries.iter().rfind(is_change).expect("a change of the finding");
        last["reason"].as_str().expect("a reason").to_owned()
    }

    async fn cell(&self, query: &str) -> String {
        self.0.database().await.cell(query).await
    }
}

fn result(rule: &str) -> Value {
    json!({ "ruleId": rule, "message": { "text": format!("The problem {rule}.") },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "a.rs" }, "region": { "startLine": 7 } } }] })
}

pub(crate) fn scan(rules: &[&str]) -> Value {
    let results: Vec<Value> = rules.iter().map(|rule| result(rule)).collect();
    of_run(json!({ "automationDetails": { "id": "portal/4711" }, "results": results }))
}

fn of_run(mut run: Value) -> Value {
    if run["tool"].is_null() {
        run["tool"] = json!({ "driver": { "name": "lint" } });
    }
    json!({ "version": "2.1.0", "runs": [run] })
}

fn counts(summary: &Value) -> [u64; 7] {
    ["created", "updated", "unchanged", "closed", "suppressed", "passed", "failed"]
        .map(|name| summary[name].as_u64().expect("a count"))
}

#[tokio::test]
async fn findings_that_a_complete_scan_no_longer_reports_are_closed_with_its_run_and_file_as_the_reason() {
    let workspace = Workspace::new();
    workspace.write("monday.sarif", &scan(&["R1", "R2"]));
    workspace.write("tuesday.sarif", &scan(&["R1"]));
    assert_eq!(counts(&workspace.import(&["monday.sarif"])), [2, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counts(&workspace.import(&["tuesday.sarif"])), [0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(workspace.status("R2").await, "open", "nobody asked to close it");
    let dry = workspace.import(&["tuesday.sarif", "--close-missing", "--dry-run"]);
    assert_eq!(counts(&dry), [0, 0, 1, 1, 0, 0, 0]);
    assert_eq!(workspace.status("R2").await, "open");
    assert_eq!(counts(&workspace.import(&["tuesday.sarif", "--close-missing"])), [0, 0, 1, 1, 0, 0, 0]);
    assert_eq!([workspace.status("R1").await, workspace.status("R2").await], ["open", "closed"]);
    assert_eq!(
        workspace.reason("R2").await,
        "lint no longer reports it: run portal/4711, file tuesday.sarif (command line: import sarif)"
    );
    assert_eq!(counts(&workspace.import(&["tuesday.sarif", "--close-missing"])), [0, 0, 1, 0, 0, 0, 0]);
    let again = workspace.import(&["monday.sarif"]);
    assert_eq!(counts(&again), [0, 0, 2, 0, 0, 0, 0]);
    assert_eq!(again["stillReported"], json!({ "closed": 1 }));
    assert!(again["warnings"][0].as_str().unwrap().contains("settled (closed 1)"), "{again}");
    assert_eq!(workspace.status("R2").await, "closed", "an import never resets a status");
}

#[tokio::test]
async fn findings_of_another_tool_or_scope_are_not_closed() {
    let workspace = Workspace::new();
    workspace.write("portal.sarif", &scan(&["R1"]));
    workspace
        .write("other.sarif", &of_run(json!({ "tool": { "driver": { "name": "other" } }, "results": [result("R2")] })));
    workspace.import(&["portal.sarif", "other.sarif"]);
    workspace.write("empty.sarif", &scan(&[]));
    let archive = workspace.import(&["empty.sarif", "--scope", "archive", "--close-missing"]);
    assert_eq!(counts(&archive), [0; 7]);
    let portal = workspace.import(&["empty.sarif", "--close-missing"]);
    assert_eq!(counts(&portal), [0, 0, 0, 1, 0, 0, 0]);
    assert_eq!([workspace.status("R1").await, workspace.status("R2").await], ["closed", "open"]);
}

#[tokio::test]
async fn the_findings_of_each_tool_and_scope_are_closed_with_its_own_run_as_the_reason_however_long_its_id_is() {
    let workspace = Workspace::new();
    let run = |tool: &str, scope: &str, rules: &[&str]| {
        let results: Vec<Value> = rules.iter().map(|rule| result(rule)).collect();
        json!({ "tool": { "driver": { "name": tool } }, "automationDetails": { "id": scope }, "results": results })
    };
    let runs = |runs: Value| json!({ "version": "2.1.0", "runs": runs });
    let long = format!("portal/{}", "9".repeat(5000));
    let before =
        json!([run("lint", "portal/1", &["R1"]), run("lint", "archive/1", &["R2"]), run("other", "", &["R3"])]);
    let after = json!([run("lint", &long, &[]), run("lint", "archive/2", &[]), run("other", "", &[])]);
    workspace.write("before.sarif", &runs(before));
    workspace.write("after.sarif", &runs(after));
    workspace.import(&["before.sarif"]);
    assert_eq!(counts(&workspace.import(&["after.sarif", "--close-missing"])), [0, 0, 0, 3, 0, 0, 0]);
    for (rule, run) in [
        ("R1", &format!("lint no longer reports it: run {}…", &long[..100])[..]),
        ("R2", "lint no longer reports it: run archive/2"),
        ("R3", "other no longer reports it: run runs[2]"),
    ] {
        let reason = workspace.reason(rule).await;
        assert!(reason.starts_with(&format!("{run}, file after.sarif (")), "{reason}");
    }
}

#[tokio::test]
async fn an_incomplete_run_is_imported_with_a_warning_and_closes_nothing() {
    let workspace = Workspace::new();
    workspace.write("monday.sarif", &scan(&["R1", "R2"]));
    workspace.import(&["monday.sarif"]);
    let mut failed = scan(&["R2", "R3"]);
    failed["runs"][0]["invocations"] = json!([{ "executionSuccessful": false }]);
    workspace.write("failed.sarif", &failed);
    workspace.write("complete.sarif", &scan(&["R2"]));
    for files in [&["failed.sarif"][..], &["complete.sarif", "failed.sarif"]] {
        let summary = workspace.import(&[files, &["--close-missing"]].concat());
        assert_eq!(summary["closed"], 0, "{summary}");
        assert!(summary["warnings"][0].as_str().unwrap().contains("executionSuccessful is not true"), "{summary}");
    }
    assert_eq!([workspace.status("R1").await, workspace.status("R3").await], ["open", "open"]);
}

#[tokio::test]
async fn a_run_that_failed_accepts_no_suppressed_finding_and_an_unreadable_run_changes_no_status_at_all() {
    let workspace = Workspace::new();
    workspace.write("monday.sarif", &scan(&["R1", "R2"]));
    workspace.import(&["monday.sarif"]);
    let mut suppressed = scan(&["R1"]);
    suppressed["runs"][0]["results"][0]["suppressions"] = json!([{ "kind": "inSource" }]);
    let mut failed = suppressed.clone();
    failed["runs"][0]["invocations"] = json!([{ "executionSuccessful": false }]);
    workspace.write("failed.sarif", &failed);
    suppressed["runs"].as_array_mut().unwrap().push(json!("garbage"));
    workspace.write("garbage.sarif", &suppressed);
    for (file, warning) in [("failed.sarif", "executionSuccessful is not true"), ("garbage.sarif", "can't be read")] {
        let summary = workspace.import(&[file, "--close-missing"]);
        assert_eq!((&summary["closed"], &summary["accepted"]), (&json!(0), &json!(0)), "{summary}");
        assert!(summary["warnings"][0].as_str().unwrap().contains(warning), "{summary}");
    }
    assert_eq!([workspace.status("R1").await, workspace.status("R2").await], ["open", "open"]);
}

#[tokio::test]
async fn a_run_without_a_scope_is_warned_about_before_it_closes_what_another_repository_reported() {
    let workspace = Workspace::new();
    workspace.write("lint.sarif", &of_run(json!({ "results": [result("R1")] })));
    assert_eq!(workspace.import(&["lint.sarif"])["warnings"], json!([]));
    for options in [&["lint.sarif", "--close-missing"][..], &["lint.sarif", "--close-missing", "--dry-run"]] {
        let warnings = &workspace.import(options)["warnings"];
        assert!(warnings[0].as_str().unwrap().contains("the runs of lint have no scope"), "{warnings}");
    }
    let with_scope = workspace.import(&["lint.sarif", "--scope", "portal", "--close-missing"]);
    assert_eq!(with_scope["warnings"], json!([]));
}

#[tokio::test]
async fn what_an_import_has_closed_is_reopened_if_the_option_says_so_and_what_others_have_closed_is_not() {
    let workspace = Workspace::new();
    workspace.write("both.sarif", &scan(&["R1", "R2", "R3"]));
    workspace.write("one.sarif", &scan(&["R1"]));
    workspace.import(&["both.sarif"]);
    assert_eq!(workspace.import(&["one.sarif", "--close-missing"])["closed"], 2);
    // Somebody else closes R3 anew later.
    workspace.cell("UPDATE findings SET closed_at = closed_at + 1 WHERE source_resource_id = 'R3' RETURNING id").await;
    let kept = workspace.import(&["both.sarif", "--close-missing"]);
    assert_eq!((&kept["reopened"], &kept["stillReported"]), (&json!(0), &json!({ "closed": 2 })));
    assert!(kept["warnings"][0].as_str().unwrap().contains("--reopen"), "{kept}");
    for (options, status) in [(&["--dry-run"][..], "closed"), (&[], "open")] {
        let summary = workspace.import(&[&["both.sarif", "--close-missing", "--reopen"], options].concat());
        assert_eq!((&summary["reopened"], &summary["stillReported"]), (&json!(1), &json!({ "closed": 1 })));
        assert_eq!([workspace.status("R2").await, workspace.status("R3").await], [status, "closed"]);
    }
    assert_eq!(
        workspace.reason("R2").await,
        "lint reports it again: run portal/4711, file both.sarif (command line: import sarif)"
    );
    let readable = workspace.run(&["both.sarif", "--close-missing", "--reopen"]).stdout;
    assert!(readable.contains("warning: the scan reports findings that are settled (closed 1)"), "{readable}");
    let alone = workspace.run(&["both.sarif", "--reopen"]);
    assert_eq!(alone.status.code(), Some(2), "{}", alone.stderr);
}

#[tokio::test]
async fn alike_results_that_shift_and_shift_back_keep_their_findings_open() {
    let workspace = Workspace::new();
    let shifted = |shift: u64, count: u64| {
        let results: Vec<Value> = (1..=count)
            .map(|number| {
                let mut alike = result("R1");
                alike["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(10 * number + shift);
                alike["message"]["text"] = json!(format!("Account {number} is not checked."));
                alike
            })
            .collect();
        of_run(json!({ "automationDetails": { "id": "portal/1" }, "results": results }))
    };
    for (number, (shift, count)) in [(0, 4), (10, 4), (0, 4)].into_iter().enumerate() {
        workspace.write("scan.sarif", &shifted(shift, count));
        let summary = workspace.import(&["scan.sarif", "--close-missing"]);
        let expected = if number == 0 { [4, 0, 0, 0, 0, 0, 0] } else { [0, 4, 0, 0, 0, 0, 0] };
        assert_eq!((counts(&summary), &summary["stillReported"]), (expected, &json!({})));
    }
    // More findings of one identity than one query returns.
    workspace.write("many.sarif", &shifted(0, 1_300));
    assert_eq!(counts(&workspace.import(&["many.sarif", "--close-missing"])), [1_296, 0, 4, 0, 0, 0, 0]);
    workspace.write("many.sarif", &shifted(3, 1_300));
    assert_eq!(counts(&workspace.import(&["many.sarif", "--close-missing"])), [0, 1_300, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_suppressed_finding_is_accepted_with_the_justification_if_the_option_says_so() {
    let workspace = Workspace::new();
    workspace.write("open.sarif", &scan(&["R1"]));
    let mut suppressed = scan(&["R1", "R2"]);
    for result in suppressed["runs"][0]["results"].as_array_mut().unwrap() {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": "Only in tests." }]);
    }
    workspace.write("suppressed.sarif", &suppressed);
    workspace.import(&["open.sarif"]);
    assert_eq!(counts(&workspace.import(&["suppressed.sarif"])), [0, 0, 1, 0, 2, 0, 0]);
    assert_eq!(workspace.status("R1").await, "open");
    let summary = workspace.import(&["suppressed.sarif", "--close-missing"]);
    assert_eq!((counts(&summary), &summary["accepted"]), ([0, 0, 1, 0, 2, 0, 0], &json!(1)));
    assert_eq!(workspace.status("R1").await, "accepted");
    assert_eq!(
        workspace.reason("R1").await,
        "lint reports it as suppressed: run portal/4711, file suppressed.sarif; justification: Only in tests. \
         (command line: import sarif)"
    );
    let again = workspace.import(&["open.sarif"]);
    assert_eq!((counts(&again), &again["stillReported"]), ([0, 0, 1, 0, 0, 0, 0], &json!({ "accepted": 1 })));
    assert_eq!(workspace.status("R1").await, "accepted", "an import never resets a status");
}

#[tokio::test]
async fn a_finding_keeps_its_status_when_alike_results_come_and_go() {
    let workspace = Workspace::new();
    let at = |lines: &[u64], suppressed: u64| {
        let results: Vec<Value> = lines
            .iter()
            .map(|line| {
                let mut alike = result("R1");
                alike["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(line);
                if *line == suppressed {
                    alike["suppressions"] = json!([{ "kind": "inSource" }]);
                }
                alike
            })
            .collect();
        of_run(json!({ "results": results }))
    };
    for (number, file) in [at(&[10, 20], 0), at(&[10, 20], 10), at(&[5, 10, 20], 0), at(&[5, 20], 0)].iter().enumerate()
    {
        workspace.write(&format!("{number}.sarif"), file);
        workspace.import(&[&format!("{number}.sarif"), "--close-missing"]);
    }
    let status = async |line: u64| {
        workspace.cell(&format!("SELECT status FROM findings WHERE subject_resource_id = 'a.rs:{line}'")).await
    };
    assert_eq!([status(5).await, status(10).await, status(20).await], ["open", "accepted", "open"]);
}

#[tokio::test]
async fn a_finding_that_is_reported_stays_open_beside_a_suppressed_one_however_often_both_move() {
    let workspace = Workspace::new();
    let status = async |line: u64| {
        workspace.cell(&format!("SELECT status FROM findings WHERE subject_resource_id = 'a.rs:{line}'")).await
    };
    for (number, line) in [10, 10, 15, 16, 18, 40].into_iter().enumerate() {
        let mut results = [result("R1"), result("R1")];
        results[0]["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(line);
        results[1]["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(line + 2);
        if number > 0 {
            results[1]["suppressions"] = json!([{ "kind": "inSource" }]);
        }
        workspace.write("scan.sarif", &of_run(json!({ "results": results })));
        let summary = workspace.import(&["scan.sarif", "--close-missing"]);
        assert_eq!(summary["accepted"], u64::from(number == 1), "{summary}");
        if number > 0 {
            assert_eq!([status(line).await, status(line + 2).await], ["open", "accepted"], "at {line}");
        }
        let again = workspace.import(&["scan.sarif", "--close-missing"]);
        assert_eq!(counts(&again), [0, 0, 2, 0, u64::from(number > 0), 0, 0]);
    }
}

#[tokio::test]
async fn a_scan_can_come_from_the_standard_input_once() {
    let workspace = Workspace::new();
    let import = |file: &Value| -> Value {
        let mut program = workspace.0.program();
        program
            .args(["import", "sarif", "-", "--workspace", "made", "--close-missing", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = program.spawn().unwrap();
        child.stdin.take().unwrap().write_all(file.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
    };
    assert_eq!(counts(&import(&scan(&["R1"]))), [1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counts(&import(&scan(&[]))), [0, 0, 0, 1, 0, 0, 0]);
    let reason = workspace.reason("R1").await;
    assert!(reason.starts_with("lint no longer reports it: run portal/4711, standard input"), "{reason}");
    let twice = workspace.run(&["-", "-"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(twice.stderr.contains("the standard input can be read only once"), "{}", twice.stderr);
}

#[test]
fn the_summary_counts_everything_and_lists_repairs_failures_and_files_that_share_findings() {
    let workspace = Workspace::new();
    let mut poor = scan(&["R1", "R2"]);
    poor["runs"][0]["results"][0]["level"] = json!("notice");
    let results = poor["runs"][0]["results"].as_array_mut().unwrap();
    results.extend([json!({ "kind": "pass", "ruleId": "R3" }), json!({ "baselineState": "absent" }), json!({})]);
    workspace.write("poor.sarif", &poor);
    workspace.write("more.sarif", &scan(&["R1"]));
    let ran = workspace.run(&["poor.sarif", "more.sarif", "--json"]);
    assert_eq!(ran.status.code(), Some(1), "a result failed");
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(counts(&summary), [2, 0, 0, 0, 0, 1, 1]);
    assert_eq!((&summary["absent"], &summary["repaired"]), (&json!(1), &json!(1)));
    assert_eq!(summary["repairs"][0]["file"], "poor.sarif");
    assert_eq!(summary["repairs"][0]["path"], "runs[0].results[0].level");
    assert_eq!(summary["shared"], json!([{ "files": ["poor.sarif", "more.sarif"], "findings": 1 }]));
    let readable = workspace.run(&["poor.sarif", "more.sarif"]).stdout;
    for line in [
        "findings that poor.sarif and more.sarif share: 1",
        "repaired: poor.sarif runs[0].results[0].level is \"notice\", which is none of none, note, warning, error; left out",
        "failed: poor.sarif line 1: runs[0].results[4] has neither a rule nor a message",
        "created 0, updated 0, unchanged 2, closed 0, suppressed 0, passed 1, absent 1, failed 1",
    ] {
        assert!(readable.contains(line), "{line} is not in:\n{readable}");
    }
}

#[test]
fn an_empty_scan_is_imported_with_a_warning() {
    let workspace = Workspace::new();
    workspace.write("empty.sarif", &json!({ "version": "2.1.0", "runs": null }));
    let summary = workspace.import(&["empty.sarif", "--close-missing"]);
    assert_eq!(counts(&summary), [0; 7]);
    assert_eq!(summary["warnings"], json!(["the file has no runs, so it is an empty scan"]));
}
