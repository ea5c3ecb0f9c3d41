use findings::{EventKind, FindingError, NewFindingEvent, Status, record_event};
use kernel::{FieldValue, Reference};

use crate::harness::{Harness, StatusRenderer, audit_actions, event_names};

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
            match (
                record_event(
                    &harness.context(),
                    &StatusRenderer,
                    harness.write_timestamp(),
                    &current,
                    new_event(*kind),
                    &[],
                ),
                status_after(*kind, *from),
            ) {
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
    let (changeset, _, after) = record_event(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        &current,
        new_event(EventKind::VerifiedAsResolved),
        &[],
    )
    .unwrap();
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
    let (changeset, _, after) = record_event(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        &current,
        new_event(EventKind::Comment),
        &[],
    )
    .unwrap();
    assert_eq!(after, current);
    assert!(event_names(&changeset).is_empty());
}
