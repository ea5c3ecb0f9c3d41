//! How a finding of a batch is merged onto the stored one with the same key.

use findings::{BatchOutcome, Finding, FindingSource, NewFinding, OnConflict, SourceKind, Status, write_batch};
use kernel::{Description, Reference, Stored, SubjectGroup, Timestamp};

use crate::harness::{Harness, NOW, StatusRenderer, complete_finding, new_finding};

/// A stored finding in which every field has a value.
fn complete(harness: &Harness) -> Stored<Finding> {
    let (_, created) =
        findings::create(&harness.context(), &StatusRenderer, harness.write_timestamp(), complete_finding("k"));
    created
}

fn merged(harness: &Harness, new: NewFinding, current: &Stored<Finding>) -> Finding {
    let (changeset, outcomes) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        vec![new],
        vec![current.clone()],
        OnConflict::Update,
    );
    match outcomes[..] {
        [BatchOutcome::Unchanged(_)] => current.record.clone(),
        [BatchOutcome::Updated(_)] => {
            assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
            changeset.writes()[0].record.as_any().downcast_ref::<Finding>().unwrap().clone()
        }
        _ => panic!("{outcomes:?}"),
    }
}

#[test]
fn a_merge_replaces_every_specified_field_and_no_other() {
    let harness = Harness::new();
    let mut current = harness.finding("k", Status::Closed);
    current.record.lifecycle_instance_id = Some(Reference::parse("lc_1").unwrap());
    current.record.duplicate_of = Some(complete(&harness).meta.id);
    let new = complete_finding("k");
    let expected = Finding {
        title: new.title.clone(),
        description: new.description.clone().unwrap(),
        severity: new.severity,
        source: new.source.clone(),
        subject: new.subject.clone(),
        owner_responsibility_id: new.owner_responsibility_id.clone(),
        owner_member_user_id: new.owner_member_user_id.clone(),
        due_at: new.due_at,
        ..current.record.clone()
    };
    assert_eq!(merged(&harness, new, &current), expected);
}

#[test]
fn a_merge_keeps_every_unspecified_field() {
    let harness = Harness::new();
    let current = complete(&harness);
    let new = new_finding("k");
    let expected = Finding {
        title: new.title.clone(),
        severity: new.severity,
        source: FindingSource { kind: SourceKind::Manual, ..current.record.source.clone() },
        ..current.record.clone()
    };
    assert_eq!(merged(&harness, new, &current), expected);
}

#[test]
fn a_merge_replaces_the_values_that_the_stored_finding_already_has() {
    let harness = Harness::new();
    let current = complete(&harness);
    let reference = |text| Reference::parse(text).unwrap();
    let new = NewFinding {
        description: Some(Description::parse("Another description").unwrap()),
        source: FindingSource {
            kind: SourceKind::Audit,
            module_key: Some(reference("audits")),
            scope: Some(reference("head office")),
            resource_type: Some(reference("report")),
            resource_id: Some(reference("2026-1")),
        },
        subject: Some(SubjectGroup {
            module_key: reference("assets"),
            resource_type: reference("host"),
            resource_id: reference("web-1"),
        }),
        owner_responsibility_id: Some(reference("resp_2")),
        owner_member_user_id: Some(reference("usr_2")),
        due_at: Some(Timestamp::from_millis(NOW + 1)),
        ..complete_finding("k")
    };
    let after = merged(&harness, new.clone(), &current);
    assert_eq!((Some(after.description), after.source), (new.description, new.source));
    assert_eq!((after.subject, after.due_at), (new.subject, new.due_at));
    assert_eq!(after.owner_responsibility_id, new.owner_responsibility_id);
    assert_eq!(after.owner_member_user_id, new.owner_member_user_id);
}

#[test]
fn a_created_finding_of_a_batch_is_stored_with_its_fields() {
    let harness = Harness::new();
    let (changeset, outcomes) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        vec![complete_finding("k")],
        Vec::new(),
        OnConflict::Skip,
    );
    let [BatchOutcome::Created(id)] = outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(changeset.writes()[0].meta.ulid(), id.ulid());
    let stored = changeset.writes()[0].record.as_any().downcast_ref::<Finding>().unwrap();
    assert_eq!(*stored, complete(&harness).record);
    let entry = &changeset.entries()[1];
    assert_eq!(entry.subject.as_ref().map(|subject| subject.id.clone()), Some(id.to_string()));
    assert!(entry.changes.iter().any(|change| change.field == "source_resource_id"));
}
