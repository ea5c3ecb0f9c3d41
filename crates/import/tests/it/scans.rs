//! Tests with whole scans: a generated one, a real one of the same structure if it is available, and arbitrary bytes.

use std::{collections::HashSet, fs};

use findings::Severity;
use novantra_import::{
    sample,
    sarif::{File, read},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Records, findings, test_data};

fn parse_complete_scan(bytes: &[u8]) -> File {
    let file = read(bytes, None).expect("a scan");
    let [run] = &file.runs[..] else { panic!("{} runs", file.runs.len()) };
    assert_eq!((run.failures.len(), file.repair_count, file.warnings.len()), (0, 0, 0));
    assert_eq!(run.results.len(), sample::RESULTS);
    let keys: HashSet<String> = findings(bytes).iter().map(|finding| finding.key.to_string()).collect();
    assert_eq!(keys.len(), sample::RESULTS);
    let mut records = Records::default();
    assert_eq!(records.counts(&[bytes]), [sample::RESULTS, 0, 0]);
    assert_eq!(records.counts(&[bytes]), [0, 0, sample::RESULTS]);
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    for result in &run.results {
        let position = result.position;
        assert_eq!(lines[position.line - 1].get(position.column - 1), Some(&b'{'), "there is no result at {position}");
    }
    file
}

fn with_severity(file: &File, severity: Severity) -> usize {
    file.runs[0].results.iter().filter(|result| result.record.finding().severity == severity).count()
}

#[test]
fn a_generated_scan_is_imported_completely() {
    let scan = parse_complete_scan(&sample::sarif());
    assert_eq!(with_severity(&scan, Severity::High), 116 + 22);
    assert_eq!(with_severity(&scan, Severity::Low), 1);
    assert_eq!(with_severity(&scan, Severity::Medium), sample::RESULTS - 139);
}

#[test]
fn a_real_scan_is_imported_completely() {
    let Some(folder) = test_data() else { return };
    let scan = parse_complete_scan(&fs::read(folder.join("sarif-semgrep-owasp-benchmark.sarif")).unwrap());
    let first = scan.runs[0].results[0].record.finding();
    assert!(first.key.as_str().starts_with(
        "semgrep:java.lang.security.audit.cbc-padding-oracle.cbc-padding-oracle:\
         %SRCROOT%/src/main/java/org/owasp/benchmark/testcode/BenchmarkTest02660.java#"
    ));
    assert_eq!(first.source.module_key.as_ref().unwrap().as_str(), "semgrep");
    assert_eq!(first.severity, Severity::Medium);
}

#[test]
fn a_scan_that_is_truncated_anywhere_is_rejected() {
    let file = sample::sarif();
    let length = file.trim_ascii_end().len();
    for cut in (1..length).step_by(length / 40).chain([length - 1]) {
        let error = read(&file[..cut], None).unwrap_err().to_string();
        assert!(error.contains("truncated: it ends in the middle of a value at line "), "truncated at {cut}: {error}");
    }
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        6 => "[a-c]{0,2}",
        4 => "[a-z/.:{}0-9]{0,12}",
        3 => "[a%/\\\\.\\[\\](){}0-9 ]{0,12}",
        2 => ".{0,20}",
        2 => "[a-zé\u{0}\r\n ]{0,12}",
        1 => "k{190,210}",
        1 => "ü{100,220}",
    ]
    .boxed()
}

fn any_value() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!([])),
        Just(json!([{}])),
        Just(json!({})),
        (text(), text()).prop_map(|(name, value)| json!({ name: value })),
    ]
    .boxed()
}

fn usually(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![8 => strategy, 1 => Just(Value::Null), 1 => any_value()].boxed()
}

prop_compose! {
    fn physical_location()(
        uri in usually(text().prop_map(Value::from)),
        base in prop_oneof![3 => Just(Value::Null), 1 => Just(json!("SRC")), 1 => any_value()],
        index in usually((-1..3i64).prop_map(Value::from)),
        line in usually((0..3u64).prop_map(Value::from)),
        column in usually((0..3u64).prop_map(Value::from)),
        snippet in prop_oneof![3 => Just(Value::Null), 1 => text().prop_map(Value::from), 1 => any_value()],
    ) -> Value {
        json!({
            "artifactLocation": { "uri": uri, "uriBaseId": base, "index": index },
            "region": { "startLine": line, "startColumn": column, "snippet": { "text": snippet } },
        })
    }
}

fn location() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => physical_location().prop_map(|physical| json!({ "physicalLocation": physical })),
        2 => (text(), -1..3i64).prop_map(|(name, index)| json!({ "logicalLocations": [{ "fullyQualifiedName": name, "index": index }] })),
        1 => any_value(),
    ]
    .boxed()
}

fn message() -> BoxedStrategy<Value> {
    prop_oneof![
        4 => text().prop_map(|text| json!({ "text": text })),
        2 => (text(), text()).prop_map(|(text, argument)| json!({ "text": text, "arguments": [argument, argument] })),
        2 => ("[a-c]{0,2}", text()).prop_map(|(id, argument)| json!({ "id": id, "arguments": [argument, 5] })),
        1 => text().prop_map(|text| json!({ "text": "", "markdown": text })),
        1 => text().prop_map(Value::from),
    ]
    .boxed()
}

fn rule_reference() -> BoxedStrategy<Value> {
    prop_oneof![
        5 => Just(Value::Null),
        1 => (-1..3i64, -1..3i64).prop_map(|(index, component)| json!({ "index": index, "toolComponent": { "index": component } })),
        1 => text().prop_map(|id| json!({ "id": id, "toolComponent": { "name": "pack" } })),
        1 => any_value(),
    ]
    .boxed()
}

prop_compose! {
    fn result()(
        rule_id in usually(text().prop_map(Value::from)),
        rule_index in usually((-2..4i64).prop_map(Value::from)),
        rule in rule_reference(),
        message in usually(message()),
        locations in usually(prop::collection::vec(location(), 0..3).prop_map(Value::from)),
        fingerprints in usually(prop_oneof![
            4 => Just(Value::Null),
            1 => ("[a-zA-Z/v0-9]{1,8}", text()).prop_map(|(name, value)| json!({ name: value, "x/v1": "1", "x/v2": "2" })),
        ]),
        level in usually(Just(json!("error"))),
        kind in usually(prop_oneof![4 => Just(json!("fail")), 1 => Just(json!("review")), 1 => Just(json!("pass"))]),
        score in usually(text().prop_map(|score| json!({ "security-severity": score }))),
        suppressions in prop_oneof![6 => Just(Value::Null), 1 => Just(json!([{ "status": "accepted" }])), 1 => any_value()],
    ) -> Value {
        json!({
            "ruleId": rule_id, "ruleIndex": rule_index, "rule": rule, "message": message, "level": level, "kind": kind,
            "partialFingerprints": fingerprints, "properties": score, "suppressions": suppressions, "locations": locations,
        })
    }
}

prop_compose! {
    pub(crate) fn any_log()(
        name in text(), id in text(), rule in text(), template in text(), help in usually(text().prop_map(Value::from)),
        artifact in usually(text().prop_map(Value::from)), results in prop::collection::vec(result(), 0..8),
    ) -> String {
        json!({ "version": "2.1.0", "runs": [{
            "automationDetails": { "id": id },
            "tool": {
                "driver": { "name": name, "rules": [
                    { "id": rule, "name": template, "messageStrings": { "a": { "text": template } } },
                    { "id": "a", "defaultConfiguration": { "level": "note" }, "help": { "text": help } },
                ] },
                "extensions": [{ "name": "pack", "rules": [
                    { "id": "b", "shortDescription": { "text": template }, "fullDescription": { "text": help } },
                ], "globalMessageStrings": { "c": { "text": template } } }],
            },
            "artifacts": [{ "location": { "uri": artifact } }],
            "logicalLocations": [{ "fullyQualifiedName": artifact }],
            "invocations": [{ "ruleConfigurationOverrides": [
                { "descriptor": { "id": "a" }, "configuration": { "level": "error" } },
            ] }],
            "results": results,
        }] })
        .to_string()
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, None);
    }

    #[test]
    fn no_corrupted_byte_in_a_scan_makes_the_reader_panic(log in any_log(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = log.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes, None);
    }

    #[test]
    fn keys_are_unique_and_valid_and_a_second_import_changes_nothing(log in any_log()) {
        let bytes = log.as_bytes();
        let keys: Vec<_> = findings(bytes).into_iter().map(|finding| finding.key).collect();
        prop_assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        for key in keys {
            prop_assert!(kernel::RecordKey::parse(key.as_str()).is_ok());
        }
        let mut records = Records::default();
        let [created, ..] = records.counts(&[bytes]);
        prop_assert_eq!(records.counts(&[bytes]), [0, 0, created]);
    }

    #[test]
    fn every_result_is_imported_counted_or_reported(log in any_log()) {
        let run = read(log.as_bytes(), None).unwrap().runs.remove(0);
        let file: Value = serde_json::from_str(&log).unwrap();
        let results = file["runs"][0]["results"].as_array().unwrap().len();
        prop_assert_eq!(run.results.len() + run.passed + run.absent + run.failures.len(), results);
    }
}
