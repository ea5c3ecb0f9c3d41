//! Tests of keys: a result keeps the finding that it has, whatever else a later scan reports.

use novantra_import::sarif::read;
use serde_json::{Value, json};

use crate::support::{Records, findings, location, log, log_of_run, log_of_runs, only_finding, result_at, with};

fn key(result: Value) -> String {
    only_finding(&log(&json!([result]))).key.to_string()
}

fn of_lines(lines: &[u64]) -> Vec<u8> {
    let results: Vec<Value> = lines.iter().map(|line| result_at("R1", *line, "A lint.")).collect();
    log(&json!(results))
}

fn fingerprinted(fingerprints: Value) -> Value {
    with(result_at("R1", 7, "m"), "partialFingerprints", fingerprints)
}

#[test]
fn a_key_names_the_tool_the_rule_and_the_artifact() {
    let key = key(result_at("R1", 7, "m"));
    let (readable, digest) = key.split_once('#').unwrap();
    assert_eq!(readable, "scanner:R1:a.rs");
    assert!(digest.len() == 16 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
}

#[test]
fn results_of_another_tool_scope_rule_or_artifact_or_with_another_mark_are_other_findings() {
    let base = result_at("R1", 7, "m");
    let others = [
        key(result_at("R2", 7, "m")),
        key(with(base.clone(), "locations", location("b.rs", 7))),
        key(result_at("R1", 7, "another message")),
        key(fingerprinted(json!({ "primaryLocationLineHash": "h" }))),
        only_finding(&log_of_run(json!({ "tool": { "driver": { "name": "other" } }, "results": [base.clone()] })))
            .key
            .to_string(),
        only_finding(&log_of_run(json!({
            "tool": { "driver": { "name": "scanner" } }, "results": [base.clone()],
            "automationDetails": { "id": "portal/4711" },
        })))
        .key
        .to_string(),
    ];
    for other in others {
        assert_ne!(other, key(base.clone()));
    }
}

#[test]
fn a_finding_keeps_its_key_when_its_line_its_numbers_or_the_spelling_of_its_path_change() {
    let before = key(result_at("R1", 7, "Line 7 has 132 characters"));
    assert_eq!(key(result_at("R1", 9, "Line 9 has 140 characters")), before);
    let respelled = with(result_at("R1", 7, "Line 1 has 1 characters"), "locations", location(".\\a%2Ers", 1));
    assert_eq!(key(respelled), before);
}

#[test]
fn the_last_segment_of_the_automation_id_names_the_run_and_the_option_replaces_the_scope() {
    let file = |id: &str| {
        let run = json!({ "tool": { "driver": { "name": "s" } }, "automationDetails": { "id": id },
            "results": [result_at("R1", 7, "m")] });
        log_of_run(run)
    };
    let key = |id| only_finding(&file(id)).key;
    assert_eq!(key("portal/monday"), key("portal/tuesday"));
    assert_eq!(key("portal/monday"), key("portal/"));
    assert_eq!(key("monday"), key("tuesday"));
    assert_ne!(key("portal/monday"), key("archive/monday"));
    let scope = |bytes: &[u8], option| read(bytes, option).unwrap().runs[0].scope.as_ref().map(ToString::to_string);
    assert_eq!(scope(&file("portal/monday"), None).as_deref(), Some("portal"));
    assert_eq!(scope(&file("portal/monday"), Some("archive")).as_deref(), Some("archive"));
    assert_eq!(scope(&file("monday"), None), None);
}

#[test]
fn the_mark_is_a_fingerprint_otherwise_the_snippet_otherwise_the_message() {
    let snippet = |text: &str, message: &str| {
        let mut result = result_at("R1", 7, message);
        result["locations"][0]["physicalLocation"]["region"]["snippet"] = json!({ "text": text });
        result
    };
    assert_eq!(key(snippet("a = 1;", "m")), key(snippet("  a\t=\r\n1; ", "n")), "white space and message");
    assert_ne!(key(snippet("a = 1;", "m")), key(snippet("a = 2;", "m")));
    let with_print = |print: &str, message: &str| with(snippet("a", message), "fingerprints", json!({ "x/v1": print }));
    assert_eq!(key(with_print("p", "m")), key(with_print("p", "n")));
    assert_ne!(key(with_print("p", "m")), key(with_print("q", "m")));
    let both = with(with_print("p", "m"), "partialFingerprints", json!({ "primaryLocationLineHash": "h" }));
    assert_eq!(key(both), key(with_print("p", "m")), "a fingerprint before a partial one");
}

#[test]
fn preferred_fingerprints_come_first_and_others_by_name_in_their_highest_version() {
    let same = |one: Value, other: Value| assert_eq!(key(fingerprinted(one)), key(fingerprinted(other)));
    same(json!({ "a/v1": "p", "primaryLocationLineHash": "h" }), json!({ "primaryLocationLineHash": "h" }));
    same(json!({ "b/v9": "q", "a/v2": "o", "a/v10": "p" }), json!({ "a/v10": "p" }));
    same(json!({ "a": "", "b": null, "c": { "value": 1 }, "d": "p" }), json!({ "d": "p" }));
}

#[test]
fn names_that_only_describe_are_no_marks_and_no_person_is_in_a_key() {
    let described = fingerprinted(json!({
        "author": "Robin Doe", "commitSha": "aaaa", "e-mail": "robin@example.org", "commit_date": "2026-01-02",
        "commitMessage": "wip", "Branch": "main",
    }));
    let described = key(described);
    assert_eq!(described, key(result_at("R1", 7, "m")));
    assert!(!described.to_lowercase().contains("robin"));
}

#[test]
fn a_placeholder_is_no_mark() {
    let placed = |rest: Value| with(rest, "fingerprints", json!({ "matchBasedId/v1": "requires login" }));
    assert_eq!(key(placed(result_at("R1", 7, "m"))), key(result_at("R1", 7, "m")));
    assert_ne!(key(placed(result_at("R1", 7, "m"))), key(placed(result_at("R1", 7, "n"))));
    let partial = || fingerprinted(json!({ "hash": "h" }));
    assert_eq!(key(placed(partial())), key(partial()), "the partial one counts");
}

#[test]
fn a_finding_keeps_its_key_when_a_newer_version_of_its_fingerprint_is_written_beside_it() {
    let mut records = Records::default();
    let old = log(&json!([fingerprinted(json!({ "hash/v1": "p" }))]));
    let both = log(&json!([fingerprinted(json!({ "hash/v1": "p", "hash/v2": "q" }))]));
    assert_eq!(records.counts(&[&old]), [1, 0, 0]);
    assert_eq!(records.counts(&[&both]), [0, 0, 1]);
    let mut fresh = Records::default();
    let [created, ..] = fresh.import(&[&both]);
    assert_eq!(created, [key(fingerprinted(json!({ "hash/v2": "q" })))]);
}

#[test]
fn alike_results_are_distinguished_by_line_and_by_a_number_where_they_share_it() {
    let keys: Vec<String> =
        findings(&of_lines(&[20, 7, 20, 7])).iter().map(|finding| finding.key.to_string()).collect();
    let base = key(result_at("R1", 7, "A lint."));
    assert_eq!(keys, [base.clone(), format!("{base}:7"), format!("{base}:20"), format!("{base}:20:2")]);
    let lineless = json!({ "ruleId": "R1", "message": { "text": "m" } });
    let keys: Vec<String> =
        findings(&log(&json!([lineless, lineless, lineless]))).iter().map(|finding| finding.key.to_string()).collect();
    let base = key(lineless);
    assert_eq!(keys, [base.clone(), format!("{base}:0"), format!("{base}:0:2")]);
}

#[test]
fn the_order_of_results_in_a_file_changes_nothing() {
    let mut records = Records::default();
    let results = |reversed: bool| {
        let mut results: Vec<Value> =
            [("R1", 7, "m"), ("R1", 9, "m"), ("R1", 9, "n 1"), ("R1", 9, "n 2"), ("R2", 9, "m")]
                .map(|(rule, line, message)| result_at(rule, line, message))
                .into();
        if reversed {
            results.reverse();
        }
        log(&json!(results))
    };
    assert_eq!(records.counts(&[&results(false)]), [5, 0, 0]);
    assert_eq!(records.counts(&[&results(true)]), [0, 0, 5]);
}

#[test]
fn a_new_result_never_takes_over_the_finding_of_one_that_is_still_reported() {
    for (before, after, created) in [
        (vec![10], vec![5, 10], 1),
        (vec![10], vec![9, 10, 11], 2),
        (vec![10, 20], vec![5, 10, 20, 30], 2),
        (vec![10, 20], vec![20], 0),
        (vec![10, 20, 30], vec![20, 30], 0),
        (vec![10, 20], vec![15, 20], 0),
        (vec![10, 10], vec![10, 10, 10], 1),
    ] {
        let mut records = Records::default();
        records.import(&[&of_lines(&before)]);
        let kept: Vec<(u64, String)> = before
            .iter()
            .filter(|line| after.contains(line))
            .map(|line| (*line, records.key_at(&format!("a.rs:{line}"))))
            .collect();
        let [created_keys, ..] = records.import(&[&of_lines(&after)]);
        assert_eq!(created_keys.len(), created, "{before:?} then {after:?}");
        for (line, key) in kept {
            let subject = records.get(&key).subject.as_ref().unwrap().resource_id.to_string();
            assert_eq!(subject, format!("a.rs:{line}"), "{before:?} then {after:?}");
        }
    }
}

#[test]
fn a_finding_whose_line_moved_goes_to_the_nearest_result() {
    let mut records = Records::default();
    records.import(&[&of_lines(&[100])]);
    let key = records.key_at("a.rs:100");
    let [created, updated, _] = records.import(&[&of_lines(&[10, 103, 200])]);
    assert_eq!((updated, created.len()), (vec![key.clone()], 2));
    assert_eq!(records.key_at("a.rs:103"), key);
}

#[test]
fn results_at_one_line_keep_the_findings_with_their_descriptions() {
    let mut records = Records::default();
    let of = |numbers: &[u64]| {
        let results: Vec<Value> =
            numbers.iter().map(|number| result_at("R1", 7, &format!("Argument {number} is not used"))).collect();
        log(&json!(results))
    };
    records.import(&[&of(&[2, 3])]);
    assert_eq!(records.counts(&[&of(&[1, 2, 3])]), [1, 0, 2]);
    for number in [1, 2, 3] {
        assert_eq!(records.counts(&[&of(&[number])]), [0, 0, 1], "only {number} is left of three");
    }
}

#[test]
fn results_at_one_line_keep_their_findings_when_the_help_of_their_rule_changes() {
    let of = |messages: &[&str], help: &str| {
        let results: Vec<Value> = messages
            .iter()
            .map(|message| with(result_at("R1", 7, message), "partialFingerprints", json!({ "hash": "h" })))
            .collect();
        let rule = json!({ "id": "R1", "shortDescription": { "text": "A lint" }, "help": { "text": help } });
        log_of_run(json!({ "tool": { "driver": { "name": "scanner", "rules": [rule] } }, "results": results }))
    };
    let all = ["Argument 1", "Argument 12", "Argument 1\n\nMore.", "Argument 0"];
    let messages = |records: &Records, help: &str| -> Vec<(String, String)> {
        let keyed = records.keyed(&[&of(&all, help)]).into_iter();
        let mut messages: Vec<_> = keyed
            .map(|keyed| {
                let description = keyed.finding().description.unwrap().to_string();
                let message = description.strip_suffix(&format!("\n\n{help}")).unwrap_or(&description);
                (keyed.key.to_string(), message.to_owned())
            })
            .collect();
        messages.sort();
        messages
    };
    let mut records = Records::default();
    // The second message begins with the first, and so does the third, in another paragraph.
    records.import(&[&of(&["Argument 12", "Argument 1\n\nMore."], "Old help.")]);
    records.import(&[&of(&all, "Old help.")]);
    let before = messages(&records, "Old help.");
    for help in ["New help.", "", "Third help."] {
        assert_eq!(messages(&records, help), before, "{help}");
        assert_eq!(records.counts(&[&of(&all, help)]), [0, 4, 0]);
    }
}

#[test]
fn a_suppressed_neighbour_changes_no_key() {
    let mut records = Records::default();
    records.import(&[&of_lines(&[10, 20])]);
    let suppressed = with(result_at("R1", 10, "A lint."), "suppressions", json!([{ "kind": "inSource" }]));
    assert_eq!(records.counts(&[&log(&json!([suppressed, result_at("R1", 20, "A lint.")]))]), [0, 0, 2]);
}

#[test]
fn several_files_and_runs_are_one_scan_in_which_equal_results_count_once() {
    let run = |results: Value| json!({ "tool": { "driver": { "name": "scanner" } }, "results": results });
    let (one, two) = (result_at("R1", 7, "m"), result_at("R1", 9, "m"));
    let runs = log_of_runs(json!([run(json!([one])), run(json!([one, two]))]));
    let file = log(&json!([two, two]));
    let mut records = Records::default();
    let keyed = records.keyed(&[&runs, &file]);
    let files: Vec<(u64, Vec<usize>)> = keyed
        .iter()
        .map(|keyed| {
            let subject = keyed.finding().subject.as_ref().unwrap().resource_id.to_string();
            (subject.rsplit_once(':').unwrap().1.parse().unwrap(), keyed.files.iter().copied().collect())
        })
        .collect();
    assert_eq!(files, [(7, vec![0]), (9, vec![0, 1]), (9, vec![1])]);
    assert_eq!(records.counts(&[&runs, &file]), [3, 0, 0]);
    assert_eq!(records.counts(&[&file, &runs]), [0, 0, 3]);
}

#[test]
fn a_result_that_one_run_suppresses_and_another_reports_is_reported() {
    let suppressed = with(result_at("R1", 7, "m"), "suppressions", json!([{ "kind": "inSource" }]));
    let files = [log(&json!([suppressed])), log(&json!([result_at("R1", 7, "m")]))];
    let keyed = Records::default().keyed(&files.each_ref().map(Vec::as_slice));
    assert_eq!(keyed.iter().map(|keyed| keyed.suppression.is_none()).collect::<Vec<_>>(), [true]);
}
