use kernel::{Description, FieldValue, Kind, Stored};
use submissions::{
    NewSubmissionEvent,
    SubmissionEventKind::{Comment, Receipt, Submission},
    SubmissionPackage,
    SubmissionPackageStatus::{Ready, Submitted},
};
use write_harness::{NOW, WriteHarness, audit_actions, published};

use crate::harness::{event, package, record_event, reference, time};

#[test]
fn an_event_is_stored_with_the_fields_of_its_report() {
    let harness = WriteHarness::default();
    let current = package(&harness, Submitted);
    let new = NewSubmissionEvent {
        recipient_reference: Some(reference("case-1")),
        note: Some(Description::parse("Received").unwrap()),
        ..event(Receipt, 7)
    };
    let (changeset, recorded, after) = record_event(&harness, &current, new.clone()).unwrap();
    let event = &recorded.record;
    assert_eq!((event.submission_package_id, event.kind, event.occurred_at), (current.meta.id, Receipt, time(7)));
    assert_eq!((&event.recipient_reference, &event.note), (&new.recipient_reference, &new.note));
    assert_eq!(recorded.meta.organization, current.meta.organization);
    assert_eq!((recorded.meta.created_at, after.meta.updated_at), (NOW, NOW));
    let [first, second] = changeset.writes() else { panic!("the event and the package are stored") };
    assert_eq!((first.record.as_any().downcast_ref(), first.expected), (Some(event), None));
    assert_eq!(second.record.as_any().downcast_ref(), Some(&after.record));
    assert_eq!((second.expected, after.meta.revision), (Some(current.meta.revision), current.meta.revision.next()));
    assert!(changeset.preconditions().is_empty());
}

#[test]
fn the_audit_entry_names_the_fields_of_the_event_apart_from_those_of_the_package() {
    let harness = WriteHarness::default();
    let current = package(&harness, Submitted);
    let (changeset, recorded, _) = record_event(&harness, &current, event(Receipt, 7)).unwrap();
    assert_eq!(audit_actions(&changeset), ["submission_package.event_recorded"]);
    let entry = &changeset.entries()[0];
    let fields: Vec<_> = entry.changes.iter().map(|change| &*change.field).collect();
    assert_eq!(fields, ["event_id", "event_kind", "event_occurred_at", "status", "acknowledged_at"]);
    assert_eq!(entry.changes[0].after, FieldValue::Text(recorded.meta.id.to_string()));
    assert_eq!(entry.changes[3].before, FieldValue::Text("submitted".to_owned()));
    assert_eq!(entry.subject.as_ref().map(|subject| subject.id.clone()), Some(current.meta.id.to_string()));
}

#[test]
fn every_event_is_published_and_a_change_of_status_behind_it() {
    let harness = WriteHarness::default();
    let current = package(&harness, Ready);
    let (changeset, _, after) = record_event(&harness, &current, event(Submission, 1)).unwrap();
    let [recorded, changed] = changeset.events() else { panic!("two events are published") };
    let expected = [
        format!("submission.package.event_recorded submission>submitted {}", recorded.id),
        format!("submission.package.status_changed ready>submitted {}", changed.id),
    ];
    assert_eq!(published(&changeset), expected);
    assert_ne!(recorded.id, changed.id);
    for event in changeset.events() {
        assert_eq!(event.organization, current.meta.organization);
        assert_eq!(event.subject, (Kind::SubmissionPackage, current.meta.ulid()));
        assert_eq!((event.revision, event.created_at), (after.meta.revision, NOW));
    }
    let (comment, _, _) = record_event(&harness, &after, event(Comment, 2)).unwrap();
    let [recorded] = comment.events() else { panic!("one event is published") };
    let expected = format!("submission.package.event_recorded comment>submitted {}", recorded.id);
    assert_eq!((published(&comment), recorded.revision), (vec![expected], after.meta.revision));
}

#[test]
fn the_time_of_a_published_event_is_not_before_the_last_change_of_its_package() {
    let harness = WriteHarness::default();
    let mut current: Stored<SubmissionPackage> = package(&harness, Ready);
    current.meta.updated_at = time(3_600);
    assert!(current.meta.updated_at > NOW, "the clock has stepped back since the last change");
    for kind in [Comment, Submission] {
        let (changeset, _, package) = record_event(&harness, &current, event(kind, 1)).unwrap();
        assert!(package.meta.updated_at >= time(3_600));
        assert!(changeset.events().iter().all(|event| event.created_at == package.meta.updated_at));
    }
    current.meta.updated_at = time(1);
    let (comment, _, _) = record_event(&harness, &current, event(Comment, 1)).unwrap();
    assert_eq!(comment.events()[0].created_at, NOW, "a comment is not dated back to that change");
}
