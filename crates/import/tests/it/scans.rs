//! Tests with whole scans: a generated one, a real one of the same structure if it is available, and arbitrary bytes.

use std::{collections::HashSet, fs, path::PathBuf};

use findings::Severity;
use novantra_import::{
    sample,
    sarif::{Scan, read},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn keys(scan: &Scan) -> Vec<String> {
    scan.findings.iter().map(|finding| finding.record.key.to_string()).collect()
}

fn parse_complete_scan(bytes: &[u8]) -> Scan {
    let scan = read(bytes).expect("a scan");
    assert_eq!(scan.failures, []);
    assert_eq!(scan.findings.len(), sample::RESULTS);
    let keys = keys(&scan);
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), sample::RESULTS);
    assert!(keys.iter().all(|key| !key.contains('~')), "a key was shortened");
    assert_eq!(read(bytes), Ok(scan.clone()), "parsing twice gives different results");
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    for finding in &scan.findings {
        let position = finding.position;
        assert_eq!(lines[position.line - 1].get(position.column - 1), Some(&b'{'), "there is no result at {position}");
    }
    scan
}

fn with_severity(scan: &Scan, severity: Severity) -> usize {
    scan.findings.iter().filter(|finding| finding.record.severity == severity).count()
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
    let Some(folder) = std::env::var_os("NOVANTRA_TEST_DATA").map(PathBuf::from) else {
        eprintln!("NOVANTRA_TEST_DATA is not set: skipping the test with real files");
        return;
    };
    let scan = parse_complete_scan(&fs::read(folder.join("sarif-semgrep-owasp-benchmark.sarif")).unwrap());
    let first = &scan.findings[0].record;
    assert_eq!(
        first.key.as_str(),
        "java.lang.security.audit.cbc-padding-oracle.cbc-padding-oracle:\
         src/main/java/org/owasp/benchmark/testcode/BenchmarkTest02660.java:59"
    );
    assert_eq!(first.source.module_key.as_ref().unwrap().as_str(), "semgrep");
    assert_eq!(first.severity, Severity::Medium);
}

#[test]
fn a_scan_that_is_truncated_anywhere_is_rejected() {
    let file = sample::sarif();
    let length = file.trim_ascii_end().len();
    for cut in (0..length).step_by(length / 40).chain([length - 1]) {
        let error = read(&file[..cut]).unwrap_err().to_string();
        assert!(error.contains("truncated: it ends in the middle of a value at line "), "truncated at {cut}: {error}");
    }
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        6 => "[a-c]{0,2}",
        4 => "[a-z/.:{}0-9]{0,12}",
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
    fn result()(
        rule_id in usually(text().prop_map(Value::from)),
        rule_index in usually((-2..4i64).prop_map(Value::from)),
        message in usually(prop_oneof![
            text().prop_map(|text| json!({ "text": text })),
            (text(), text()).prop_map(|(id, argument)| json!({ "id": id, "arguments": [argument] })),
        ]),
        uri in usually(text().prop_map(Value::from)),
        line in usually((0..3u64).prop_map(Value::from)),
        fingerprints in usually(prop_oneof![
            4 => Just(Value::Null),
            1 => (text(), text()).prop_map(|(name, value)| json!({ name: value })),
        ]),
        level in usually(Just(json!("error"))),
        kind in usually(Just(json!("fail"))),
        score in usually(text().prop_map(|score| json!({ "security-severity": score }))),
    ) -> Value {
        json!({
            "ruleId": rule_id, "ruleIndex": rule_index, "message": message, "level": level, "kind": kind,
            "partialFingerprints": fingerprints, "properties": score,
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri }, "region": { "startLine": line } } }],
        })
    }
}

prop_compose! {
    fn log()(
        name in text(), rule in text(), template in text(), results in prop::collection::vec(result(), 0..8),
    ) -> String {
        json!({ "version": "2.1.0", "runs": [{
            "tool": { "driver": { "name": name, "rules": [
                { "id": rule, "name": template, "messageStrings": { "a": { "text": template } } },
                { "id": "a", "defaultConfiguration": { "level": "note" } },
            ] } },
            "results": results,
        }] })
        .to_string()
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_corrupted_byte_in_a_scan_makes_the_reader_panic(log in log(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = log.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
    }

    #[test]
    fn keys_are_unique_in_a_file_and_the_result_is_deterministic(log in log()) {
        let scan = read(log.as_bytes()).unwrap();
        let keys = keys(&scan);
        prop_assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        prop_assert_eq!(read(log.as_bytes()).unwrap(), scan);
    }

    #[test]
    fn every_result_is_imported_skipped_or_reported(log in log()) {
        let scan = read(log.as_bytes()).unwrap();
        let file: Value = serde_json::from_str(&log).unwrap();
        let results = file["runs"][0]["results"].as_array().unwrap().len();
        let skipped = scan.skipped.passed + scan.skipped.suppressed + scan.skipped.gone;
        prop_assert_eq!(scan.findings.len() + skipped + scan.failures.len(), results);
    }
}
