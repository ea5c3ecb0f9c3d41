use findings::{Finding, NewFinding, Status, create};
use kernel::{FieldValue, Kind, Revision};

use crate::harness::{Harness, StatusRenderer, audit_actions, complete_finding, event_names, new_finding};

#[test]
fn a_created_finding_has_the_specified_fields_and_is_open() {
    let harness = Harness::new();
    let new = complete_finding("k");
    let (changeset, created) = create(&harness.context(), &StatusRenderer, harness.write_timestamp(), new.clone());
    let expected = Finding {
        key: new.key,
        title: new.title,
        description: new.description.unwrap(),
        severity: new.severity,
        status: Status::Open,
        source: new.source,
        subject: new.subject,
        owner_responsibility_id: new.owner_responsibility_id,
        owner_member_user_id: new.owner_member_user_id,
        due_at: new.due_at,
        closed_at: None,
        lifecycle_instance_id: None,
        duplicate_of: None,
    };
    assert_eq!(created.record, expected);
    let [write] = changeset.writes() else { panic!("one record is stored") };
    assert_eq!((write.expected, write.meta.ulid()), (None, created.meta.ulid()));
    assert_eq!(write.record.as_any().downcast_ref(), Some(&expected));
}

#[test]
fn the_creation_of_a_finding_is_audited_with_its_fields_and_published() {
    let harness = Harness::new();
    let (changeset, created) =
        create(&harness.context(), &StatusRenderer, harness.write_timestamp(), complete_finding("k"));
    assert_eq!(audit_actions(&changeset), ["finding.created"]);
    let entry = &changeset.entries()[0];
    assert_eq!(entry.subject.as_ref().map(|subject| subject.id.clone()), Some(created.meta.id.to_string()));
    let key = entry.changes.iter().find(|change| change.field == "finding_key").unwrap();
    assert_eq!((&key.before, &key.after), (&FieldValue::Null, &FieldValue::Text("k".to_owned())));
    assert_eq!(event_names(&changeset), ["finding.created >open"]);
}

#[test]
fn a_finding_that_is_created_as_closed_or_accepted_has_a_time_of_closing() {
    let harness = Harness::new();
    for status in Status::ALL {
        let new = NewFinding { status: Some(*status), ..new_finding("k") };
        let (changeset, created) = create(&harness.context(), &StatusRenderer, harness.write_timestamp(), new);
        assert_eq!(created.record.status, *status);
        let expected = matches!(status, Status::Closed | Status::Accepted).then(|| changeset.at());
        assert_eq!(created.record.closed_at, expected, "{status:?}");
    }
}

#[test]
fn an_event_in_the_outbox_names_the_finding_its_revision_and_its_time() {
    let harness = Harness::new();
    let (changeset, created) = create(&harness.context(), &StatusRenderer, harness.write_timestamp(), new_finding("k"));
    let [event] = changeset.events() else { panic!("one event is published") };
    assert_eq!(event.name, "finding.created");
    assert_eq!(event.organization, created.meta.organization);
    assert_eq!(event.subject, (Kind::Finding, created.meta.ulid()));
    assert_eq!((event.revision, event.created_at), (Revision::FIRST, created.meta.updated_at));
    assert_ne!(event.id.ulid(), created.meta.ulid());
}

#[test]
fn every_created_finding_has_an_identifier_of_its_own_with_the_time_of_its_creation() {
    let harness = Harness::new();
    let new = || create(&harness.context(), &StatusRenderer, harness.write_timestamp(), new_finding("k")).1;
    let (one, other) = (new(), new());
    assert_ne!(one.meta.id, other.meta.id);
    assert_eq!(one.meta.ulid().timestamp_ms(), one.meta.created_at.millis().unsigned_abs());
}
