//! Tests of the references between records in files.

use std::collections::HashSet;

use kernel::{Kind, Ulid};
use novantra_import::{Draft, KeyForm, RecordKind, ReferenceValue, field_name, identity_columns, rank, references};
use serde_json::{Value, json};

fn draft(kind: Kind, fields: Value) -> Draft {
    let Value::Object(fields) = fields else { panic!("an object") };
    Draft { kind, fields }
}

fn errors(kind: Kind, fields: Value) -> Vec<String> {
    draft(kind, fields).check().expect_err("an invalid draft").errors
}

fn key(text: &str) -> Vec<ReferenceValue> {
    vec![ReferenceValue::Key(text.to_owned())]
}

#[test]
fn every_record_of_a_file_can_be_found_again() {
    for kind in RecordKind::all() {
        assert!(!identity_columns(kind.columns).is_empty(), "{} has neither a key nor an identity", kind.name());
    }
}

#[test]
fn no_field_of_a_record_has_the_name_of_a_reference_by_key() {
    for kind in RecordKind::all() {
        let fields: HashSet<String> = kind.columns.iter().map(field_name).collect();
        for reference in references(kind.kind) {
            assert!(!fields.contains(&reference.key_field), "{}: {}", kind.name(), reference.key_field);
        }
    }
}

#[test]
fn parents_rank_before_their_children() {
    for kind in RecordKind::all() {
        for reference in references(kind.kind).iter().filter(|reference| reference.target != kind.kind) {
            assert!(rank(reference.target) < rank(kind.kind), "{}: {}", kind.name(), reference.key_field);
        }
    }
    assert_eq!(
        [Kind::Framework, Kind::FrameworkVersion, Kind::FrameworkNode, Kind::CoverageLink].map(rank),
        [0, 1, 2, 3]
    );
}

#[test]
fn the_references_of_a_kind_follow_from_its_columns() {
    let names = |kind| -> Vec<_> { references(kind).iter().map(|reference| reference.key_field.as_str()).collect() };
    assert_eq!(names(Kind::FrameworkNode), ["frameworkVersionKey", "parentNodeKey"]);
    assert_eq!(names(Kind::CoverageLink), ["frameworkVersionKey", "nodeKey"]);
    assert_eq!(names(Kind::Release), ["changeRequestKeys"]);
    assert_eq!(names(Kind::MonitorRunItem), ["monitorRunKey"]);
    assert_eq!(names(Kind::Engagement), [""; 0], "parties are records of another system");
    assert_eq!(names(Kind::Finding), [""; 0], "only the server sets the original of a duplicate");
    assert!(KeyForm::of(Kind::Measurement).is_some() && KeyForm::of(Kind::CoverageLink).is_none());
}

#[test]
fn a_reference_is_an_identifier_or_a_key() {
    let link = |fields: Value| {
        let mut all = json!({
            "nodeKey": "AC-2", "targetModuleKey": "controls", "targetResourceType": "control", "targetResourceId": "C",
            "coverage": "full",
        });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        draft(Kind::CoverageLink, all).check()
    };
    let checked = link(json!({ "frameworkVersionKey": "a/b/5.0.1", "frameworkVersionId": null })).unwrap();
    assert_eq!(checked.references, [key("a/b/5.0.1"), key("AC-2")]);
    let checked = link(json!({ "frameworkVersionId": "fver_00000000000000000000000001" })).unwrap();
    assert_eq!(checked.references[0], [ReferenceValue::Id(Ulid(1))]);
    let invalid = [
        (
            json!({ "frameworkVersionId": "fver_00000000000000000000000001", "frameworkVersionKey": "a/1" }),
            "frameworkVersionKey: give either frameworkVersionKey or frameworkVersionId, not both",
        ),
        (
            json!({ "frameworkVersionKey": "5.0.1" }),
            "frameworkVersionKey: must be the key of the framework, a slash, and the versionKey of the framework version",
        ),
        (json!({ "frameworkVersionKey": ["a/1"] }), "frameworkVersionKey: must be a string"),
        (
            json!({ "frameworkVersionKey": "" }),
            "frameworkVersionKey: must be the key of a framework version, of 1 to 1000 characters",
        ),
        (
            json!({ "frameworkVersionId": "frwk_00000000000000000000000001" }),
            "frameworkVersionId: not an identifier of the form fver_…",
        ),
        (json!({}), "frameworkVersionKey: is required, or frameworkVersionId"),
    ];
    for (fields, error) in invalid {
        assert_eq!(link(fields).unwrap_err().errors, [error]);
    }
}

#[test]
fn a_list_of_references_has_at_most_1000_elements() {
    let release = |keys: Value| json!({ "releaseKey": "r", "title": "R", "changeRequestKeys": keys });
    let checked = draft(Kind::Release, release(json!(["a", "b"]))).check().unwrap();
    assert_eq!(checked.references, [[key("a"), key("b")].concat()]);
    assert_eq!(errors(Kind::Release, release(json!("a"))), ["changeRequestKeys: must be a list of strings"]);
    assert_eq!(errors(Kind::Release, release(json!(["a", 1]))), ["changeRequestKeys: must be a list of strings"]);
    let many = vec!["a"; 1001];
    assert_eq!(errors(Kind::Release, release(json!(many))), ["changeRequestKeys: must have at most 1000 elements"]);
}

#[test]
fn a_draft_of_a_kind_that_files_do_not_hold_is_refused() {
    assert_eq!(errors(Kind::ServiceAccount, json!({})), ["files can't hold records of the kind service_account"]);
}
