use findings::{EventKind, NewEvent, Refusal, Status, report};
use kernel::{FieldValue, Reference};

use crate::desk::{Office, noted, told};

pub(crate) fn event(kind: EventKind) -> NewEvent {
    let external = (kind == EventKind::VerifiedAsDuplicate).then(|| Reference::parse("INC1").unwrap());
    NewEvent { kind, note: None, external_reference: external, duplicate_of: None, occurred_at: None }
}

/// The status after an event according to the contract; `None` if the event is rejected.
fn leads(kind: EventKind, from: Status) -> Option<Status> {
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
fn every_event_moves_a_finding_where_the_contract_says_or_is_refused() {
    let harness = Office::open();
    for kind in EventKind::ALL {
        for from in Status::ALL {
            let current = harness.finding("k", *from);
            match (report(&harness.desk(), harness.stamp(), &current, event(*kind), &[]), leads(*kind, *from)) {
                (Ok((changeset, recorded, after)), Some(to)) => {
                    assert_eq!(after.record.status, to, "{kind:?} of {from:?}");
                    assert_eq!(recorded.record.finding, current.meta.id);
                    assert_eq!(recorded.record.occurred_at, changeset.at());
                    assert_eq!(noted(&changeset), ["finding.event_recorded"]);
                    let changes = &changeset.entries()[0].changes;
                    let kind_name = FieldValue::Text(kind.name().to_owned());
                    assert!(changes.iter().any(|change| change.field == "event_type" && change.after == kind_name));
                    assert_eq!(changeset.writes().len(), 1 + usize::from(after != current));
                }
                (Err(Refusal::Event { event, from: status, .. }), None) => assert_eq!((event, status), (*kind, *from)),
                (outcome, expected) => panic!("{kind:?} of {from:?}: {outcome:?}, expected {expected:?}"),
            }
        }
    }
}

#[test]
fn a_resolved_finding_is_closed_by_way_of_verified() {
    let harness = Office::open();
    let current = harness.finding("k", Status::Remediating);
    let (changeset, _, after) =
        report(&harness.desk(), harness.stamp(), &current, event(EventKind::VerifiedAsResolved), &[]).unwrap();
    assert_eq!(
        told(&changeset),
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
    let harness = Office::open();
    let current = harness.finding("k", Status::Archived);
    let (changeset, _, after) =
        report(&harness.desk(), harness.stamp(), &current, event(EventKind::Comment), &[]).unwrap();
    assert_eq!(after, current);
    assert!(told(&changeset).is_empty());
}
