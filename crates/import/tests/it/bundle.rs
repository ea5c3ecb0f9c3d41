//! Tests of the lines of bundles.

use findings::{NewFinding, Severity, Status};
use kernel::{Record, Ulid};
use novantra_import::{
    CheckedDraft, RecordKind, Unreadable,
    bundle::{InvalidLine, Line, Lines, LinesError, MAX_LINE_LENGTH, read_line},
};
use proptest::prelude::*;
use registers::{Control, DefinitionStatus, FrameworkNode, FrameworkVersion, Release};
use serde_json::{Value, json};

fn read(line: &Value) -> Result<CheckedDraft, InvalidLine> {
    read_line(line.to_string().as_bytes(), 1)
}

fn record<R: Record>(fields: &Value, ids: &[Vec<Ulid>]) -> R {
    let kind = RecordKind::of(R::KIND).expect("a kind");
    let draft = read(&json!({ "kind": kind.name(), "record": fields })).expect("a draft");
    draft.into_record(ids).expect("a record")
}

fn finding(fields: &Value) -> NewFinding {
    read(&json!({ "kind": "finding", "record": fields })).expect("a draft").into_finding().expect("a finding")
}

fn error(line: &str) -> String {
    read_line(line.as_bytes(), 7).expect_err("an invalid line").failure.message
}

/// The kinds that a line may have, as messages list them.
fn kinds() -> String {
    RecordKind::all().iter().map(RecordKind::name).collect::<Vec<_>>().join(", ")
}

#[test]
fn all_fields_of_a_control_are_read_except_those_that_the_server_sets() {
    let control: Control = record(
        &json!({
            "id": "ctrl_x", "createdAt": "whenever", "updatedAt": null,
            "controlKey": "AC-2", "title": "Accounts", "description": "Kept.", "status": "active",
            "subjectModuleKey": "frameworks", "subjectResourceType": "node", "subjectResourceId": "AC-2", "subjectVersionId": "v5",
            "ownerResponsibilityAssignmentId": "resp-1", "implementationProjectionId": null,
        }),
        &[],
    );
    assert_eq!(control.key.as_str(), "AC-2");
    assert_eq!(control.status, DefinitionStatus::Active);
    let subject = control.subject.as_ref().unwrap();
    assert_eq!(subject.group.resource_id.as_str(), "AC-2");
    assert_eq!(subject.version_id.as_ref().unwrap().as_str(), "v5");
    assert_eq!(control.owner_responsibility_assignment_id.as_ref().unwrap().as_str(), "resp-1");
    assert_eq!(control.implementation_projection_id, None);
}

#[test]
fn what_only_the_server_sets_is_ignored_whatever_it_is() {
    let fields = json!({
        "indicatorKey": "I-1", "title": "Rate", "indicatorKind": "kri",
        "latestMeasurementValue": "much", "latestMeasurementAt": 7,
    });
    let indicator: registers::Indicator = record(&fields, &[]);
    assert_eq!((indicator.latest_measurement_value, indicator.latest_measurement_at), (None, None));
}

#[test]
fn a_finding_is_read_with_its_initial_status() {
    let finding = finding(&json!({
        "findingKey": "F-1", "title": "Stale vendor list", "severity": "low", "sourceKind": "audit",
        "status": "triaged", "dueAt": "2026-12-01", "closedAt": null, "lifecycleInstanceId": null,
        "duplicateOfFindingId": "find_x",
    }));
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(finding.status, Some(Status::Triaged));
    assert_eq!(finding.due_at.unwrap().to_string(), "2026-12-01T00:00:00.000Z");
    assert_eq!(finding.description, None);
}

#[test]
fn integers_and_lists_of_references_are_json_of_their_type() {
    let node =
        json!({ "frameworkVersionKey": "a/1", "nodeKind": "group", "nodeKey": "n", "title": "N", "position": 7 });
    let node: FrameworkNode = record(&node, &[vec![Ulid(1)], vec![]]);
    assert_eq!((node.position, node.framework_version_id.ulid(), node.parent_node_id), (7, Ulid(1), None));
    let release = json!({ "releaseKey": "r", "title": "R", "changeRequestKeys": ["a", "b"] });
    let release: Release = record(&release, &[vec![Ulid(2), Ulid(1)]]);
    assert_eq!(release.change_request_ids.ulids(), [Ulid(2), Ulid(1)]);
    for (position, is_valid) in [(json!(9_007_199_254_740_992_i64), true), (json!(9_007_199_254_740_993_i64), false)]
        .into_iter()
        .chain([json!(-1), json!(1.5), json!("1"), json!(true)].map(|value| (value.clone(), value == json!(-1))))
    {
        let fields = json!({ "frameworkVersionKey": "a/1", "nodeKind": "group", "nodeKey": "n", "title": "N", "position": position });
        let read = read(&json!({ "kind": "framework-node", "record": fields }));
        assert_eq!(read.is_ok(), is_valid, "{position}");
    }
}

#[test]
fn all_errors_of_a_line_are_reported() {
    let line = json!({ "kind": "finding", "record": {
        "findingKey": "F-1", "title": " ", "severity": "huge", "dueAt": "soon", "subjectModuleKey": "code", "colour": 1,
    } });
    let failure = read(&line).unwrap_err().failure;
    assert_eq!(failure.key.as_deref(), Some("F-1"));
    assert_eq!(
        failure.message,
        "title: must be one line of 1 to 300 characters, not blank, without control characters and bidirectional overrides; \
        severity: must be one of: info, low, medium, high, critical; \
        sourceKind: is required; \
        subjectResourceType: a subject has a module key, a resource type and a resource id, or none of them; \
        dueAt: must be a date or an RFC 3339 timestamp, such as 2026-05-25 or 2026-05-25T14:08:33.000Z; \
        colour: unknown field; the fields are findingKey, title, description, severity, status, sourceKind, sourceModuleKey, sourceScope, \
        sourceResourceType, sourceResourceId, subjectModuleKey, subjectResourceType, subjectResourceId, \
        ownerResponsibilityId, ownerMemberUserId, dueAt"
    );
}

#[test]
fn a_line_must_have_exactly_a_kind_and_a_record() {
    let kinds = kinds();
    assert!(kinds.starts_with("control, ") && kinds.ends_with(", finding"), "{kinds}");
    let unknown = "note: unknown member; a line has only kind and record";
    assert_eq!(
        error(r#"{"kind":"teapot","record":{},"note":"x"}"#),
        format!("kind: unknown value \"teapot\"; must be one of: {kinds}; {unknown}")
    );
    assert_eq!(
        error(r#"{"record":[]}"#),
        format!("kind: is required; must be one of: {kinds}; record: must be an object")
    );
    assert_eq!(error(r#"{"kind":"control"}"#), "record: is required");
}

#[test]
fn a_line_that_is_no_json_object_is_an_error_with_its_position() {
    let cases = [
        (
            "{\"kind\":",
            "not JSON: EOF while parsing a value; the line is cut off, or the record continues on the next line",
        ),
        ("[]", "not a JSON object"),
        ("\"\u{0}\"", "not JSON: control character (\\u0000-\\u001F) found while parsing a string"),
        ("{} {}", "not JSON: trailing characters"),
        ("{\"kind\":1e999}", "not JSON: number out of range"),
    ];
    for (line, message) in cases {
        assert_eq!(error(line), message);
    }
    let failure = read_line(b"{\"kind\":\"caf\xe9\"}", 7).unwrap_err().failure;
    assert_eq!((failure.position.line, failure.position.column), (7, 13));
    assert!(failure.message.contains("save the file as UTF-8"), "{}", failure.message);
}

#[test]
fn a_member_that_occurs_twice_is_an_error_at_every_depth() {
    for line in [
        r#"{"kind":"control","kind":"control","record":{}}"#,
        r#"{"kind":"control","record":{"kind":"a","controlKey":"a","controlKey":"b"}}"#,
        r#"{"kind":"control","record":{"deep":[{"controlKey":{"x":1,"x":1}}]}}"#,
    ] {
        assert!(error(line).ends_with("occurs twice in one object; remove one of them"), "{}", error(line));
    }
}

#[test]
fn deep_nesting_and_long_names_neither_overflow_nor_make_long_messages() {
    for open in ["[", "{\"a\":"] {
        let line = format!("{{\"kind\":{}", open.repeat(100_000));
        assert_eq!(error(&line), "not JSON: recursion limit exceeded");
    }
    let name = "n".repeat(MAX_LINE_LENGTH / 2);
    let fields = (0..100).map(|index| format!("\"{index}{name}\":1")).collect::<Vec<_>>().join(",");
    let line = format!("{{\"kind\":\"control\",\"{name}\":1,\"record\":{{{fields},\"controlKey\":\"{name}\"}}}}");
    let failure = read_line(line.as_bytes(), 1).unwrap_err().failure;
    assert!(failure.message.chars().count() <= 2501 && failure.key.unwrap().chars().count() <= 201);
}

fn lines(text: &[u8]) -> Vec<(usize, Option<String>)> {
    // A small buffer, so that lines span several of its fillings.
    let mut lines = Lines::new(std::io::BufReader::with_capacity(3, text));
    let mut all = Vec::new();
    while let Some((number, line)) = lines.next_line().expect("a line") {
        let text =
            if let Line::Complete(bytes) = line { Some(String::from_utf8_lossy(bytes).into_owned()) } else { None };
        all.push((number, text));
    }
    all
}

#[test]
fn line_numbers_count_blank_lines() {
    let text = "\u{feff}\r\na\r\n\n \nb\n\nlast";
    let expected = [(2, "a\r"), (5, "b"), (7, "last")].map(|(number, text)| (number, Some(text.to_owned())));
    assert_eq!(lines(text.as_bytes()), expected);
    assert_eq!(lines(b""), []);
    assert_eq!(lines(b"\n\n"), []);
    assert_eq!(lines("\u{feff}a".as_bytes()), [(1, Some("a".to_owned()))]);
}

#[test]
fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
    let longest = "x".repeat(MAX_LINE_LENGTH);
    let text = format!("{longest}\n{longest}x\nnext\n{longest}{longest}");
    assert_eq!(lines(text.as_bytes()), [(1, Some(longest)), (2, None), (3, Some("next".to_owned())), (4, None)]);
}

#[test]
fn another_encoding_than_utf_8_is_refused_with_the_remedy() {
    let utf_16: Vec<u8> = "{}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_mark = [&[0xff, 0xfe][..], &utf_16].concat();
    let big_endian: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for text in [&utf_16, &with_mark, &big_endian] {
        let error = Lines::new(&text[..]).next_line().unwrap_err();
        assert!(matches!(error, LinesError::Unreadable(Unreadable::OtherEncoding)));
        assert!(error.to_string().contains("iconv -f UTF-16 -t UTF-8"), "{error}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", ".{0,8}", "[a-z]{190,210}"]
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut lines = Lines::new(&bytes[..]);
        while let Ok(Some((number, line))) = lines.next_line() {
            if let Line::Complete(line) = line {
                let _ = read_line(line, number);
            }
        }
    }

    #[test]
    fn every_line_is_read_or_has_an_error_that_is_not_empty(
        key in any_text(), title in any_text(), extra in any_text(), is_control in any::<bool>(),
    ) {
        let line = if is_control {
            json!({ "kind": "control", "record": { "controlKey": key, "title": title, "description": extra } })
        } else {
            json!({ "kind": "framework-version", "record":
                { "frameworkKey": key, "versionKey": title, "versionLabel": extra, "sourceKind": "internal" } })
        };
        match read(&line) {
            Ok(draft) if is_control => prop_assert!(draft.into_record::<Control>(&[]).is_ok()),
            Ok(draft) => prop_assert!(draft.into_record::<FrameworkVersion>(&[vec![Ulid(1)]]).is_ok()),
            Err(invalid) => prop_assert!(!invalid.failure.message.is_empty()),
        }
    }
}
