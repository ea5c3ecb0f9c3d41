//! Tests of the bundle importer.

use findings::{Severity, Status};
use novantra_import::bundle::{Bundle, Record, read};
use proptest::prelude::*;
use registers::DefinitionStatus;
use serde_json::{Value, json};

const CONTROL: &str = r#"{"kind":"control","record":{"controlKey":"board-review","title":"Board review"}}"#;

fn lines(lines: &[Value]) -> Bundle {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    read(text.join("\n").as_bytes()).expect("a bundle")
}

/// The kinds that a line may have, as messages list them.
fn kinds() -> String {
    Record::kind_names().collect::<Vec<_>>().join(", ")
}

fn messages(bundle: &Bundle) -> Vec<String> {
    bundle.failures.iter().map(|failure| format!("{}: {}", failure.position.line, failure.message)).collect()
}

#[test]
fn all_fields_of_a_control_are_read_except_those_that_the_server_sets() {
    let bundle = lines(&[json!({ "kind": "control", "record": {
        "id": "ctrl_x", "createdAt": "whenever", "updatedAt": null,
        "controlKey": "AC-2", "title": "Accounts", "description": "Kept.", "status": "active",
        "subjectModuleKey": "frameworks", "subjectResourceType": "node", "subjectResourceId": "AC-2", "subjectVersionId": "v5",
        "ownerResponsibilityAssignmentId": "resp-1", "implementationProjectionId": null,
    } })]);
    assert_eq!(messages(&bundle), [""; 0]);
    let Record::Control(control) = &bundle.records[0].record else { unreachable!("{bundle:?}") };
    assert_eq!(control.key.as_str(), "AC-2");
    assert_eq!(control.status, DefinitionStatus::Active);
    let subject = control.subject.as_ref().unwrap();
    assert_eq!(subject.group.resource_id.as_str(), "AC-2");
    assert_eq!(subject.version_id.as_ref().unwrap().as_str(), "v5");
    assert_eq!(control.owner_responsibility_assignment_id.as_ref().unwrap().as_str(), "resp-1");
    assert_eq!(control.implementation_projection_id, None);
}

#[test]
fn a_finding_is_read_with_its_initial_status() {
    let bundle = lines(&[json!({ "kind": "finding", "record": {
        "findingKey": "F-1", "title": "Stale vendor list", "severity": "low", "sourceKind": "audit",
        "status": "triaged", "dueAt": "2026-12-01", "closedAt": null, "lifecycleInstanceId": null,
    } })]);
    assert_eq!(messages(&bundle), [""; 0]);
    let Record::Finding(finding) = &bundle.records[0].record else { unreachable!("{bundle:?}") };
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(finding.status, Some(Status::Triaged));
    assert_eq!(finding.due_at.unwrap().to_string(), "2026-12-01T00:00:00.000Z");
    assert_eq!(finding.description, None);
}

#[test]
fn all_errors_of_a_line_are_reported_and_the_other_lines_are_imported() {
    let bundle = lines(&[
        json!({ "kind": "finding", "record": {
            "findingKey": "F-1", "title": " ", "severity": "huge", "dueAt": "soon", "subjectModuleKey": "code", "colour": 1,
        } }),
        serde_json::from_str(CONTROL).unwrap(),
    ]);
    assert_eq!(bundle.records.len(), 1);
    assert_eq!(bundle.failures[0].key.as_deref(), Some("F-1"));
    assert_eq!(
        messages(&bundle),
        ["1: \
        title: must be one line of 1 to 300 characters, not blank, without control characters and bidirectional overrides; \
        severity: must be one of: info, low, medium, high, critical; \
        sourceKind: is required; \
        subjectResourceType: a subject has a module key, a resource type and a resource id, or none of them; \
        dueAt: must be a date or an RFC 3339 timestamp, such as 2026-05-25 or 2026-05-25T14:08:33.000Z; \
        colour: unknown field; the fields are findingKey, title, description, severity, status, sourceKind, sourceModuleKey, sourceScope, \
        sourceResourceType, sourceResourceId, subjectModuleKey, subjectResourceType, subjectResourceId, \
        ownerResponsibilityId, ownerMemberUserId, dueAt"]
    );
}

#[test]
fn a_line_must_have_exactly_a_kind_and_a_record() {
    let bundle = lines(&[
        json!({ "kind": "teapot", "record": {}, "note": "x" }),
        json!({ "record": [] }),
        json!({ "kind": "control" }),
    ]);
    let kinds = kinds();
    assert!(kinds.starts_with("control, ") && kinds.ends_with(", finding"), "{kinds}");
    let unknown = "note: unknown member; a line has only kind and record";
    assert_eq!(
        messages(&bundle),
        [
            format!("1: kind: unknown value \"teapot\"; must be one of: {kinds}; {unknown}"),
            format!("2: kind: is required; must be one of: {kinds}; record: must be an object"),
            "3: record: is required".to_owned(),
        ]
    );
}

#[test]
fn line_numbers_count_blank_and_invalid_lines() {
    let text = format!("\u{feff}\r\n{CONTROL}\r\n\n{{\"kind\":\n[]\n\"\u{0}\"\n");
    let bundle = read(text.as_bytes()).unwrap();
    assert_eq!(bundle.records[0].position.line, 2);
    assert_eq!(
        messages(&bundle),
        [
            "4: not JSON: EOF while parsing a value",
            "5: not a JSON object",
            "6: not JSON: control character (\\u0000-\\u001F) found while parsing a string",
        ]
    );
}

#[test]
fn the_second_record_with_a_key_is_rejected() {
    let bundle = read(format!("{CONTROL}\n{CONTROL}\n").as_bytes()).unwrap();
    assert_eq!(bundle.records.len(), 1);
    assert_eq!(messages(&bundle), ["2: line 1 already has a control with this key"]);
    assert_eq!(bundle.failures[0].key.as_deref(), Some("board-review"));
}

#[test]
fn a_file_without_any_json_object_is_not_a_bundle() {
    let error = read(b"key,title\na,b\n").unwrap_err().to_string();
    assert_eq!(error, "not a bundle at line 1, column 1: not JSON: expected value");
    assert_eq!(read(b"").unwrap(), Bundle::default());
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", ".{0,8}", "[a-z]{190,210}"]
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn every_line_is_imported_or_reported_and_the_result_is_deterministic(
        records in prop::collection::vec((any_text(), any_text(), any_text(), any::<bool>()), 1..20),
    ) {
        let all: Vec<Value> = records
            .iter()
            .map(|(key, title, extra, control)| {
                if *control {
                    json!({ "kind": "control", "record": { "controlKey": key, "title": title, "description": extra } })
                } else {
                    json!({ "kind": "finding", "record":
                        { "findingKey": key, "title": title, "severity": extra, "sourceKind": "manual" } })
                }
            })
            .collect();
        let bundle = lines(&all);
        prop_assert_eq!(bundle.records.len() + bundle.failures.len(), all.len());
        let mut keys: Vec<_> = bundle.records.iter().map(|line| (line.record.kind(), line.record.key())).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), bundle.records.len());
        prop_assert_eq!(lines(&all), bundle);
    }
}
