use findings::{EventKind, Finding, FindingError, FindingPatch, NewFindingEvent, Status, update};
use kernel::{Id, Reference, Stored};

use crate::{
    events::new_event,
    harness::{Harness, StatusRenderer},
};

fn duplicate_event(original: Id<Finding>) -> NewFindingEvent {
    NewFindingEvent {
        external_reference: None,
        duplicate_of: Some(original),
        ..new_event(EventKind::VerifiedAsDuplicate)
    }
}

fn error_message(
    harness: &Harness,
    current: &Stored<Finding>,
    new: NewFindingEvent,
    originals: &[Stored<Finding>],
) -> String {
    match harness.record_event(current, new, originals) {
        Err(FindingError::Invalid(faults)) => faults[0].message.to_string(),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_duplicate_is_closed_and_names_its_original() {
    let harness = Harness::new();
    let (current, original) = (harness.finding("a", Status::Open), harness.finding("b", Status::Open));
    let (changeset, _, after) =
        harness.record_event(&current, duplicate_event(original.meta.id), std::slice::from_ref(&original)).unwrap();
    assert_eq!((after.record.status, after.record.duplicate_of), (Status::Closed, Some(original.meta.id)));
    assert_eq!(changeset.preconditions().len(), 1, "the original must still be what it was");
}

#[test]
fn a_closed_finding_keeps_its_time_of_closing_when_it_becomes_a_duplicate() {
    let harness = Harness::new();
    let (current, original) = (harness.finding("a", Status::Closed), harness.finding("b", Status::Open));
    let (_, _, after) =
        harness.record_event(&current, duplicate_event(original.meta.id), std::slice::from_ref(&original)).unwrap();
    assert_eq!(after.record.closed_at, current.record.closed_at);
    assert_eq!(after.record.duplicate_of, Some(original.meta.id));
}

#[test]
fn a_finding_cannot_be_a_duplicate_of_itself_of_its_own_duplicate_or_of_a_missing_finding() {
    let harness = Harness::new();
    let (current, mut other) = (harness.finding("a", Status::Open), harness.finding("b", Status::Closed));
    let id = current.meta.id;
    assert_eq!(
        error_message(&harness, &current, duplicate_event(id), std::slice::from_ref(&current)),
        "a finding can't be a duplicate of itself"
    );
    other.record.duplicate_of = Some(id);
    let cycle = [other.clone(), current.clone()];
    assert_eq!(
        error_message(&harness, &current, duplicate_event(other.meta.id), &cycle),
        "that finding is a duplicate of this one"
    );
    assert_eq!(error_message(&harness, &current, duplicate_event(other.meta.id), &[]), "the finding does not exist");
}

#[test]
fn a_duplicate_must_have_exactly_one_original() {
    let harness = Harness::new();
    let (current, original) = (harness.finding("a", Status::Open), harness.finding("b", Status::Open));
    let both = NewFindingEvent {
        external_reference: Some(Reference::parse("INC1").unwrap()),
        ..duplicate_event(original.meta.id)
    };
    let neither = NewFindingEvent { duplicate_of: None, ..duplicate_event(original.meta.id) };
    for new in [both, neither] {
        assert!(error_message(&harness, &current, new, std::slice::from_ref(&original)).contains("exactly one"));
    }
    let stray = NewFindingEvent { duplicate_of: Some(original.meta.id), ..new_event(EventKind::Comment) };
    assert!(error_message(&harness, &current, stray, &[original]).contains("only verified_as_duplicate"));
}

#[test]
fn a_reopened_finding_is_no_longer_a_duplicate() {
    let harness = Harness::new();
    let original = harness.finding("b", Status::Open);
    let mut current = harness.finding("a", Status::Closed);
    current.record.duplicate_of = Some(original.meta.id);
    let (_, _, reported) = harness.record_event(&current, new_event(EventKind::Reopened), &[]).unwrap();
    let reopening = FindingPatch { status: Some(Status::Open), ..FindingPatch::default() };
    let (_, revised) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &reopening).unwrap();
    assert_eq!((reported.record.duplicate_of, revised.record.duplicate_of), (None, None));
}
