use findings::{EventKind, FindingError, NewFindingEvent, Status};
use kernel::{Description, FieldValue, Reference, Timestamp};

use crate::harness::{Harness, NOW, audit_actions, event_names};

pub(crate) fn new_event(kind: EventKind) -> NewFindingEvent {
    let external = (kind == EventKind::VerifiedAsDuplicate).then(|| Reference::parse("INC1").unwrap());
    NewFindingEvent { kind, note: None, external_reference: external, duplicate_of: None, occurred_at: None }
}

/// The status after an event according to the contract; `None` if the event is rejected.
fn status_after(kind: EventKind, from: Status) -> Option<Status> {
    use Status::*;
    match (kind, from) {
        (EventKind::Acknowledged, Open) => Some(Triaged),
        (EventKind::RemediationReported, Open | Triaged | RemediationPlanned) => Some(Remediating),
        (EventKind::VerifiedAsDuplicate, Archived) => None,
        (EventKind::VerifiedAsDuplicate, _) => Some(Closed),
        (EventKind::VerifiedAsResolved, Remediating | Verified) => Some(Closed),
        (EventKind::Reopened, Closed | Accepted) => Some(Open),
        (EventKind::Comment, from) => Some(from),
        _ => None,
    }
}

#[test]
fn every_event_leads_to_the_status_of_the_contract_or_is_rejected() {
    let harness = Harness::new();
    for kind in EventKind::ALL {
        for from in Status::ALL {
            let current = harness.finding("k", *from);
            match (harness.record_event(&current, new_event(*kind), &[]), status_after(*kind, *from)) {
                (Ok((changeset, recorded, after)), Some(to)) => {
                    assert_eq!(after.record.status, to, "{kind:?} of {from:?}");
                    assert_eq!(recorded.record.finding_id, current.meta.id);
                    assert_eq!(recorded.record.occurred_at, changeset.at());
                    assert_eq!(audit_actions(&changeset), ["finding.event_recorded"]);
                    let changes = &changeset.entries()[0].changes;
                    let kind_name = FieldValue::Text(kind.name().to_owned());
                    assert!(changes.iter().any(|change| change.field == "event_type" && change.after == kind_name));
                    assert_eq!(changeset.writes().len(), 1 + usize::from(after != current));
                }
                (Err(FindingError::Event { event, from: status, .. }), None) => {
                    assert_eq!((event, status), (*kind, *from))
                }
                (outcome, expected) => panic!("{kind:?} of {from:?}: {outcome:?}, expected {expected:?}"),
            }
        }
    }
}

#[test]
fn a_finding_verified_as_resolved_passes_through_verified_to_closed() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Remediating);
    let (changeset, _, after) = harness.record_event(&current, new_event(EventKind::VerifiedAsResolved), &[]).unwrap();
    assert_eq!(
        event_names(&changeset),
        [
            "finding.updated >verified",
            "finding.status_changed remediating>verified",
            "finding.updated >closed",
            "finding.status_changed verified>closed",
            "finding.closed >closed",
        ]
    );
    assert_eq!(after.meta.revision, current.meta.revision.next(), "one write, one revision");
}

#[test]
fn a_comment_changes_nothing_about_the_finding() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Archived);
    let (changeset, _, after) = harness.record_event(&current, new_event(EventKind::Comment), &[]).unwrap();
    assert_eq!(after, current);
    assert!(event_names(&changeset).is_empty());
}

#[test]
fn an_event_is_stored_with_the_fields_of_its_report() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let new = NewFindingEvent {
        kind: EventKind::Comment,
        note: Some(Description::parse("Seen again").unwrap()),
        external_reference: Some(Reference::parse("INC7").unwrap()),
        duplicate_of: None,
        occurred_at: Some(Timestamp::from_millis(NOW - 5_000)),
    };
    let (changeset, recorded, _) = harness.record_event(&current, new.clone(), &[]).unwrap();
    let event = &recorded.record;
    assert_eq!((event.finding_id, event.kind), (current.meta.id, EventKind::Comment));
    assert_eq!((&event.note, &event.external_reference), (&new.note, &new.external_reference));
    assert_eq!((Some(event.occurred_at), event.duplicate_of), (new.occurred_at, None));
    assert_eq!(changeset.writes()[0].record.as_any().downcast_ref(), Some(event));
    assert_eq!(changeset.writes()[0].expected, None);
    assert_eq!(recorded.meta.organization, current.meta.organization);
    assert_eq!(recorded.meta.created_at, changeset.at());
}

#[test]
fn the_audit_entry_of_an_event_names_the_fields_of_the_event_apart_from_those_of_the_finding() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let new = NewFindingEvent {
        note: Some(Description::parse("Seen").unwrap()),
        external_reference: Some(Reference::parse("INC7").unwrap()),
        ..new_event(EventKind::Acknowledged)
    };
    let (changeset, recorded, _) = harness.record_event(&current, new, &[]).unwrap();
    let entry = &changeset.entries()[0];
    let fields: Vec<_> = entry.changes.iter().map(|change| &*change.field).collect();
    assert_eq!(
        fields,
        ["event_id", "event_type", "event_note", "event_external_reference", "event_occurred_at", "status"]
    );
    assert_eq!(entry.changes[0].after, FieldValue::Text(recorded.meta.id.to_string()));
    assert_eq!(entry.changes[2].after, FieldValue::Text("Seen".to_owned()));
    assert_eq!(entry.changes[5].before, FieldValue::Text("open".to_owned()));
    assert_eq!(entry.subject.as_ref().map(|subject| subject.id.clone()), Some(current.meta.id.to_string()));
}

#[test]
fn an_event_that_changes_nothing_requires_that_the_finding_is_unchanged() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Open);
    let (comment, _, _) = harness.record_event(&current, new_event(EventKind::Comment), &[]).unwrap();
    assert_eq!(comment.preconditions(), [(kernel::Kind::Finding, current.meta.ulid(), current.meta.revision)]);
    let (acknowledgement, _, after) = harness.record_event(&current, new_event(EventKind::Acknowledged), &[]).unwrap();
    assert!(acknowledgement.preconditions().is_empty());
    assert_eq!(acknowledgement.writes()[1].expected, Some(current.meta.revision));
    assert_eq!(acknowledgement.writes()[1].record.as_any().downcast_ref(), Some(&after.record));
}

#[test]
fn a_closed_finding_verified_as_the_same_duplicate_again_is_left_unchanged() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Closed);
    let (changeset, _, after) = harness.record_event(&current, new_event(EventKind::VerifiedAsDuplicate), &[]).unwrap();
    assert_eq!(after, current);
    assert_eq!(changeset.writes().len(), 1, "only the event is stored");
    assert!(changeset.events().is_empty());
}
