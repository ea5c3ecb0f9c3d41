use findings::{Finding, FindingError, FindingPatch, Severity, Status, update};
use kernel::{Description, FieldValue, Patch, Reference, SubjectGroup, Timestamp, Title};

use crate::harness::{Harness, NOW, StatusRenderer, event_names};

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

#[test]
fn unspecified_fields_stay_and_cleared_fields_become_null() {
    let harness = Harness::new();
    let mut current = harness.finding("k", Status::Open);
    current.record.owner_responsibility_id = Some(reference("resp_1"));
    current.record.owner_member_user_id = Some(reference("usr_1"));
    let patch = FindingPatch { owner_responsibility_id: Patch::Clear, ..FindingPatch::default() };
    let (changeset, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &patch).unwrap();
    assert_eq!(after.record.owner_responsibility_id, None);
    assert_eq!(after.record.owner_member_user_id, current.record.owner_member_user_id);
    assert_eq!(after.meta.revision, current.meta.revision.next());
    let [change] = changeset.entries()[0].changes.as_slice() else { panic!("one field changed") };
    assert_eq!(change.field, "owner_responsibility_id");
    assert_eq!(change.before, FieldValue::Text("resp_1".to_owned()));
    assert_eq!(change.after, FieldValue::Null);
}

#[test]
fn only_changes_of_severity_status_owner_and_due_date_are_published() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let events = |patch: FindingPatch| {
        event_names(
            &update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &patch).unwrap().0,
        )
    };
    assert!(
        events(FindingPatch { title: Some(Title::parse("Another title").unwrap()), ..FindingPatch::default() })
            .is_empty()
    );
    assert_eq!(
        events(FindingPatch { severity: Some(Severity::High), ..FindingPatch::default() }),
        ["finding.updated >open"]
    );
    assert_eq!(
        events(FindingPatch { owner_member_user_id: Patch::Set(reference("usr_1")), ..FindingPatch::default() }),
        ["finding.updated >open"]
    );
    assert_eq!(
        events(FindingPatch { owner_responsibility_id: Patch::Set(reference("resp_1")), ..FindingPatch::default() }),
        ["finding.updated >open"]
    );
    assert_eq!(
        events(FindingPatch { due_at: Patch::Set(Timestamp::from_millis(NOW)), ..FindingPatch::default() }),
        ["finding.updated >open"]
    );
    assert_eq!(
        events(FindingPatch { status: Some(Status::Triaged), ..FindingPatch::default() }),
        ["finding.updated >triaged", "finding.status_changed open>triaged"]
    );
    assert_eq!(
        events(FindingPatch { status: Some(Status::Accepted), ..FindingPatch::default() }),
        ["finding.updated >accepted", "finding.status_changed open>accepted", "finding.closed >accepted"]
    );
}

#[test]
fn an_incomplete_subject_is_rejected_unless_the_stored_one_completes_it() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let incomplete = FindingPatch { subject_resource_id: Patch::Set(reference("src/a.rs")), ..FindingPatch::default() };
    let Err(FindingError::Invalid(errors)) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &incomplete)
    else {
        panic!("an incomplete subject was accepted")
    };
    assert_eq!(errors[0].field, "subject_module_key");

    let complete = FindingPatch {
        subject_module_key: Patch::Set(reference("code")),
        subject_resource_type: Patch::Set(reference("file")),
        ..incomplete.clone()
    };
    let (_, with_subject) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &complete).unwrap();
    let other_id = FindingPatch { subject_resource_id: Patch::Set(reference("src/b.rs")), ..FindingPatch::default() };
    let (_, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &with_subject, &other_id).unwrap();
    assert_eq!(after.record.subject.unwrap().resource_id, reference("src/b.rs"));
}

#[test]
fn an_update_without_differences_is_audited_and_keeps_the_revision() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let same = FindingPatch { severity: Some(current.record.severity), ..FindingPatch::default() };
    let (changeset, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &same).unwrap();
    assert_eq!(after, current);
    assert_eq!(changeset.entries().len(), 1);
    assert!(changeset.writes().is_empty() && changeset.events().is_empty());
}

#[test]
fn every_field_of_a_patch_sets_the_field_of_the_same_name() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let patch = FindingPatch {
        title: Some(Title::parse("Another title").unwrap()),
        description: Some(Description::parse("Another description").unwrap()),
        severity: Some(Severity::Critical),
        status: Some(Status::Triaged),
        owner_responsibility_id: Patch::Set(reference("resp_2")),
        owner_member_user_id: Patch::Set(reference("usr_2")),
        due_at: Patch::Set(Timestamp::from_millis(NOW)),
        subject_module_key: Patch::Set(reference("code")),
        subject_resource_type: Patch::Set(reference("file")),
        subject_resource_id: Patch::Set(reference("src/a.rs")),
    };
    let (changeset, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &patch).unwrap();
    let expected = Finding {
        title: Title::parse("Another title").unwrap(),
        description: Description::parse("Another description").unwrap(),
        severity: Severity::Critical,
        status: Status::Triaged,
        owner_responsibility_id: Some(reference("resp_2")),
        owner_member_user_id: Some(reference("usr_2")),
        due_at: Some(Timestamp::from_millis(NOW)),
        subject: Some(SubjectGroup {
            module_key: reference("code"),
            resource_type: reference("file"),
            resource_id: reference("src/a.rs"),
        }),
        ..current.record.clone()
    };
    assert_eq!(after.record, expected);
    assert_eq!(changeset.writes()[0].expected, Some(current.meta.revision));
    assert_eq!(changeset.writes()[0].record.as_any().downcast_ref(), Some(&expected));
}

#[test]
fn an_empty_patch_keeps_every_field() {
    let harness = Harness::new();
    let mut current = harness.finding("k", Status::Closed);
    current.record = Finding { description: Description::parse("A description").unwrap(), ..current.record };
    let empty = FindingPatch::default();
    assert!(empty.is_empty());
    let (changeset, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &empty).unwrap();
    assert_eq!(after, current);
    assert_eq!(changeset.preconditions(), [(kernel::Kind::Finding, current.meta.ulid(), current.meta.revision)]);
    assert!(!FindingPatch { due_at: Patch::Clear, ..FindingPatch::default() }.is_empty());
}

#[test]
fn a_patch_with_the_current_status_keeps_the_time_of_closing() {
    let harness = Harness::new();
    let closed = harness.finding("k", Status::Closed);
    let patch = FindingPatch {
        status: Some(Status::Closed),
        title: Some(Title::parse("Another title").unwrap()),
        ..FindingPatch::default()
    };
    let (changeset, after) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &closed, &patch).unwrap();
    assert_eq!(after.record.closed_at, closed.record.closed_at);
    assert!(changeset.events().is_empty(), "the status did not change");
}
