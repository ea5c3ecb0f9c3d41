//! Tests of the SARIF importer.

use findings::{NewFinding, Severity, SourceKind};
use novantra_import::{
    Unreadable,
    sarif::{Scan, Skipped, read},
};
use serde_json::{Value, json};

fn log(tool: Value, results: Value) -> Vec<u8> {
    json!({ "version": "2.1.0", "runs": [{ "tool": tool, "results": results }] }).to_string().into_bytes()
}

/// Parses the results of a tool with one rule.
fn scan_with_rule(rule: Value, results: Value) -> Scan {
    read(&log(json!({ "driver": { "name": "scanner", "rules": [rule] } }), results)).expect("a scan")
}

fn scan(results: Value) -> Scan {
    scan_with_rule(json!({ "id": "R1" }), results)
}

fn location(uri: &str, line: u64) -> Value {
    json!([{ "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": line } } }])
}

fn only_finding(scan: Scan) -> NewFinding {
    assert_eq!(scan.failures, []);
    let [finding] = <[_; 1]>::try_from(scan.findings).expect("one finding");
    finding.record
}

fn keys(scan: &Scan) -> Vec<&str> {
    scan.findings.iter().map(|finding| finding.record.key.as_str()).collect()
}

fn only_failure(scan: Scan) -> String {
    assert_eq!(scan.findings, []);
    let [failure] = <[_; 1]>::try_from(scan.failures).expect("one failure");
    format!("{}: {}", failure.position, failure.message)
}

#[test]
fn a_result_becomes_a_finding_with_its_source_and_subject() {
    let rule = json!({ "id": "R1", "name": "NoTelnet", "defaultConfiguration": { "level": "error" } });
    let result =
        json!([{ "ruleId": "R1", "message": { "text": "Port 23\r\nis open." }, "locations": location("a.rs", 7) }]);
    let finding = only_finding(scan_with_rule(rule, result));
    assert_eq!(finding.key.as_str(), "R1:a.rs:7");
    assert_eq!(finding.title.as_str(), "NoTelnet");
    assert_eq!(finding.description.unwrap().as_str(), "Port 23\nis open.");
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.source.kind, SourceKind::ModuleSignal);
    assert_eq!(finding.source.module_key.unwrap().as_str(), "scanner");
    assert_eq!(finding.source.resource_type.unwrap().as_str(), "rule");
    assert_eq!(finding.source.resource_id.unwrap().as_str(), "R1");
    let subject = finding.subject.unwrap();
    assert_eq!(subject.module_key.as_str(), "code");
    assert_eq!(subject.resource_type.as_str(), "location");
    assert_eq!(subject.resource_id.as_str(), "a.rs:7");
    assert_eq!(finding.status, None);
}

#[test]
fn a_fingerprint_is_the_key_and_the_preferred_one_takes_precedence() {
    let fingerprints =
        |prints: Value| json!([{ "ruleId": "R1", "message": { "text": "m" }, "partialFingerprints": prints }]);
    let preferred = scan(fingerprints(json!({ "aaa": "1", "primaryLocationLineHash": "39fa2ee980eb94b0:1" })));
    assert_eq!(keys(&preferred), ["39fa2ee980eb94b0:1"]);
    assert_eq!(keys(&scan(fingerprints(json!({ "zzz": "2", "bbb": "1" })))), ["1"]);
    assert_eq!(keys(&scan(fingerprints(json!({})))), ["R1"]);
}

#[test]
fn repeated_keys_are_numbered_and_missing_parts_are_left_out() {
    let message = json!({ "text": "m" });
    let scan = scan(json!([
        { "ruleId": "R1", "message": message, "locations": location("a.rs", 7) },
        { "ruleId": "R1", "message": message, "locations": location("a.rs", 7) },
        { "ruleId": "R1", "message": message },
        { "message": message, "locations": location("a.rs", 7) },
        { "ruleId": "R1", "message": message,
          "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "a.rs" } } }] },
        { "message": message },
    ]));
    assert_eq!(keys(&scan), ["R1:a.rs:7", "R1:a.rs:7:2", "R1", "a.rs:7", "R1:a.rs", "m"]);
}

#[test]
fn security_severity_takes_precedence_over_level_and_the_result_over_its_rule() {
    let severity = |rule: Value, result: Value| {
        let rule = json!({ "id": "R1", "properties": rule["properties"], "defaultConfiguration": rule["config"] });
        let result = json!([{ "ruleId": "R1", "message": { "text": "m" }, "level": result["level"],
            "kind": result["kind"], "properties": result["properties"] }]);
        only_finding(scan_with_rule(rule, result)).severity
    };
    let scored =
        |score: Value| severity(json!({ "properties": { "security-severity": score } }), json!({ "level": "error" }));
    assert_eq!(scored(json!("9.0")), Severity::Critical);
    assert_eq!(scored(json!(8.9)), Severity::High);
    assert_eq!(scored(json!(7)), Severity::High);
    assert_eq!(scored(json!("4")), Severity::Medium);
    assert_eq!(scored(json!("3.9")), Severity::Low);
    assert_eq!(scored(json!("severe")), Severity::High, "without a valid score, the level counts");
    let own = json!({ "properties": { "security-severity": "2.0" } });
    assert_eq!(severity(json!({ "properties": { "security-severity": "9.8" } }), own), Severity::Low);
    let levels =
        [("error", Severity::High), ("warning", Severity::Medium), ("note", Severity::Low), ("none", Severity::Info)];
    for (level, expected) in levels {
        assert_eq!(severity(json!({}), json!({ "level": level })), expected);
        assert_eq!(severity(json!({ "config": { "level": level } }), json!({})), expected);
    }
    assert_eq!(severity(json!({}), json!({})), Severity::Medium);
    assert_eq!(severity(json!({ "config": { "level": "error" } }), json!({ "kind": "informational" })), Severity::Info);
}

#[test]
fn a_rule_is_found_by_index_by_id_by_a_parent_id_and_in_an_extension() {
    let tool = json!({
        "driver": { "name": "scanner", "rules": [{ "id": "R1", "name": "One" }, { "id": "R2", "name": "Two" }] },
        "extensions": [
            { "name": "pack", "rules": [{ "id": "P1", "name": "Packed" }] },
            { "name": "other", "guid": "g", "rules": [{ "id": "R1", "name": "Other" }] },
        ],
    });
    let resolved = |mut result: Value| {
        result["message"] = json!({ "text": "m" });
        let finding = only_finding(read(&log(tool.clone(), json!([result]))).unwrap());
        (finding.title.to_string(), finding.source.resource_id.unwrap().to_string())
    };
    let expected = |title: &str, id: &str| (title.to_owned(), id.to_owned());
    assert_eq!(resolved(json!({ "ruleIndex": 1 })), expected("Two", "R2"));
    assert_eq!(resolved(json!({ "ruleId": "R2/a/b" })), expected("Two", "R2/a/b"));
    assert_eq!(
        resolved(json!({ "ruleId": "R1", "ruleIndex": 1 })),
        expected("One", "R1"),
        "the index is that of another rule"
    );
    assert_eq!(resolved(json!({ "ruleId": "R1", "ruleIndex": -1 })), expected("One", "R1"));
    assert_eq!(resolved(json!({ "ruleId": "P1" })), expected("Packed", "P1"));
    assert_eq!(resolved(json!({ "rule": { "index": 0, "toolComponent": { "index": 1 } } })), expected("Other", "R1"));
    assert_eq!(resolved(json!({ "rule": { "id": "R1", "toolComponent": { "guid": "g" } } })), expected("Other", "R1"));
    assert_eq!(resolved(json!({ "ruleId": "unknown", "ruleIndex": 99 })), expected("unknown", "unknown"));
}

#[test]
fn a_message_can_be_a_template_of_the_rule_with_arguments() {
    let rule = json!({ "id": "R1", "messageStrings": { "open": { "text": "port {0} of {1} is {{open}}" } } });
    let finding = only_finding(scan_with_rule(
        rule.clone(),
        json!([{ "ruleId": "R1", "message": { "id": "open", "arguments": ["23", "core-1"] } }]),
    ));
    assert_eq!(finding.description.unwrap().as_str(), "port 23 of core-1 is {open}");
    let missing = scan_with_rule(rule, json!([{ "ruleId": "R1", "message": { "id": "shut" } }]));
    assert!(
        only_failure(missing)
            .ends_with("runs[0].results[0].message.id: neither the rule nor the tool has a message \"shut\"")
    );
    let verbatim = only_finding(scan(json!([{ "message": { "text": "use {{ value }}" } }])));
    assert_eq!(verbatim.description.unwrap().as_str(), "use {{ value }}");
}

#[test]
fn the_title_of_a_result_without_a_rule_is_the_first_line_of_its_message() {
    let finding = only_finding(scan(json!([{ "message": { "text": format!("\n{}\nmore", "é".repeat(400)) } }])));
    assert_eq!(finding.title.as_str(), format!("{}…", "é".repeat(299)));
    assert!(finding.key.as_str().contains('~'));
    assert_eq!(finding.source.resource_type, None);
    assert_eq!(finding.subject, None);
}

#[test]
fn a_location_can_refer_to_a_file_by_its_artifact_index() {
    let file = json!({ "version": "2.1.0", "runs": [{
        "tool": { "driver": { "name": "scanner" } },
        "artifacts": [{ "location": { "uri": "a.rs" } }],
        "results": [{ "ruleId": "R1", "message": { "text": "m" },
            "locations": [{ "physicalLocation": { "artifactLocation": { "index": 0 }, "region": { "startLine": 3 } } }] }],
    }] });
    assert_eq!(keys(&read(file.to_string().as_bytes()).unwrap()), ["R1:a.rs:3"]);
}

#[test]
fn passed_suppressed_and_absent_results_are_counted_and_keep_their_numbers() {
    let result = |extra: (&str, Value)| {
        let mut result = json!({ "ruleId": "R1", "message": { "text": "m" } });
        result[extra.0] = extra.1;
        result
    };
    let scan = scan(json!([
        result(("kind", json!("pass"))),
        result(("kind", json!("notApplicable"))),
        result(("suppressions", json!([{ "kind": "inSource" }]))),
        result(("baselineState", json!("absent"))),
        result(("suppressions", json!([{ "kind": "external", "status": "underReview" }]))),
        result(("suppressions", json!([]))),
        result(("kind", json!("review"))),
    ]));
    assert_eq!(scan.skipped, Skipped { passed: 2, suppressed: 1, gone: 1 });
    assert_eq!(keys(&scan), ["R1:5", "R1:6", "R1:7"]);
}

#[test]
fn an_invalid_result_is_reported_with_position_and_path_and_does_not_affect_others() {
    let file = b"{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"s\"}}, \"results\": [\n\
        {\"ruleId\": \"R1\", \"message\": {\"text\": \"m\"}},\n\
        {\"ruleId\": \"R2\", \"message\": {\"text\": \"m\"},\n  \"locations\": [{\"physicalLocation\": 3}]},\n\
        {\"ruleId\": \"R3\"}]}]}";
    let scan = read(file).unwrap();
    assert_eq!(keys(&scan), ["R1"]);
    let messages: Vec<_> =
        scan.failures.iter().map(|failure| format!("{}: {}", failure.position, failure.message)).collect();
    assert_eq!(
        messages,
        [
            "line 4, column 38: runs[0].results[1].locations[0].physicalLocation: invalid type: integer `3`, expected struct \
         PhysicalLocation",
            "line 5, column 1: runs[0].results[2].message: missing",
        ]
    );
    assert_eq!(scan.failures[1].key.as_deref(), Some("R3"));
}

#[test]
fn a_file_that_is_not_sarif_is_rejected_with_the_position() {
    let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error(""), "the file is truncated: it ends in the middle of a value at line 1, column 1");
    assert_eq!(
        error("{\"version\": \"2.1.0\",\n \"runs\": ["),
        "the file is truncated: it ends in the middle of a value at line 2, column 10"
    );
    assert_eq!(error("id,name\n1,a\n"), "not JSON at line 1, column 1: expected value");
    assert_eq!(error("{}"), "not SARIF 2.1.0 at line 1, column 1: the version is missing");
    assert_eq!(error("{\"version\": 1}"), "not SARIF 2.1.0 at line 1, column 1: the version is 1");
    assert_eq!(error("{\"version\": \"2.0.0\"}"), "not SARIF 2.1.0 at line 1, column 1: the version is \"2.0.0\"");
    assert_eq!(error("{\"version\": \"2.1.0\"}"), "not SARIF 2.1.0 at line 1, column 20: missing field `runs`");
    assert_eq!(
        error("{\"version\": \"2.1.0\",\n\"runs\": [{\"tool\": {\"driver\": {}}}]}"),
        "not SARIF 2.1.0 at line 2, column 31: runs[0].tool.driver: missing field `name`"
    );
    assert_eq!(error("{\"version\": \"2.1.0\", \"runs\": []} x"), "not JSON at line 1, column 34: trailing characters");
    assert!(matches!(read(b"\xff\xfe{"), Err(Unreadable::NotUtf8(_))));
}

#[test]
fn a_byte_order_mark_is_ignored() {
    assert_eq!(read("\u{feff}{\"version\":\"2.1.0\",\"runs\":[]}".as_bytes()).unwrap(), Scan::default());
}
