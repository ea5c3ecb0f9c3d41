use findings::{EventKind, Finding, NewEvent, Refusal, Revision, Status, report, revise};
use kernel::{Id, Reference, Stored};

use crate::{desk::Office, events::event};

fn repeats(original: Id<Finding>) -> NewEvent {
    NewEvent { external_reference: None, duplicate_of: Some(original), ..event(EventKind::VerifiedAsDuplicate) }
}

fn refused(harness: &Office, current: &Stored<Finding>, new: NewEvent, originals: &[Stored<Finding>]) -> String {
    match report(&harness.desk(), harness.stamp(), current, new, originals) {
        Err(Refusal::Invalid(faults)) => faults[0].message.to_string(),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_duplicate_is_closed_and_names_its_original() {
    let harness = Office::open();
    let (current, original) = (harness.finding("a", Status::Open), harness.finding("b", Status::Open));
    let (changeset, _, after) =
        report(&harness.desk(), harness.stamp(), &current, repeats(original.meta.id), std::slice::from_ref(&original))
            .unwrap();
    assert_eq!((after.record.status, after.record.duplicate_of), (Status::Closed, Some(original.meta.id)));
    assert_eq!(changeset.preconditions().len(), 1, "the original must still be what it was");
}

#[test]
fn a_closed_finding_stays_closed_since_when_it_was_and_takes_the_field() {
    let harness = Office::open();
    let (current, original) = (harness.finding("a", Status::Closed), harness.finding("b", Status::Open));
    let (_, _, after) =
        report(&harness.desk(), harness.stamp(), &current, repeats(original.meta.id), std::slice::from_ref(&original))
            .unwrap();
    assert_eq!(after.record.closed_at, current.record.closed_at);
    assert_eq!(after.record.duplicate_of, Some(original.meta.id));
}

#[test]
fn a_finding_repeats_neither_itself_nor_one_that_repeats_it_nor_one_that_is_not_there() {
    let harness = Office::open();
    let (current, mut other) = (harness.finding("a", Status::Open), harness.finding("b", Status::Closed));
    let id = current.meta.id;
    assert_eq!(
        refused(&harness, &current, repeats(id), std::slice::from_ref(&current)),
        "a finding can't be a duplicate of itself"
    );
    other.record.duplicate_of = Some(id);
    let cycle = [other.clone(), current.clone()];
    assert_eq!(refused(&harness, &current, repeats(other.meta.id), &cycle), "that finding is a duplicate of this one");
    assert_eq!(refused(&harness, &current, repeats(other.meta.id), &[]), "the finding does not exist");
}

#[test]
fn exactly_one_original_is_named() {
    let harness = Office::open();
    let (current, original) = (harness.finding("a", Status::Open), harness.finding("b", Status::Open));
    let both = NewEvent { external_reference: Some(Reference::parse("INC1").unwrap()), ..repeats(original.meta.id) };
    let neither = NewEvent { duplicate_of: None, ..repeats(original.meta.id) };
    for new in [both, neither] {
        assert!(refused(&harness, &current, new, std::slice::from_ref(&original)).contains("exactly one"));
    }
    let stray = NewEvent { duplicate_of: Some(original.meta.id), ..event(EventKind::Comment) };
    assert!(refused(&harness, &current, stray, &[original]).contains("only verified_as_duplicate"));
}

#[test]
fn who_is_opened_again_repeats_nothing_any_more_whichever_way_it_is_opened() {
    let harness = Office::open();
    let original = harness.finding("b", Status::Open);
    let mut current = harness.finding("a", Status::Closed);
    current.record.duplicate_of = Some(original.meta.id);
    let (_, _, reported) = report(&harness.desk(), harness.stamp(), &current, event(EventKind::Reopened), &[]).unwrap();
    let reopening = Revision { status: Some(Status::Open), ..Revision::default() };
    let (_, revised) = revise(&harness.desk(), harness.stamp(), &current, &reopening).unwrap();
    assert_eq!((reported.record.duplicate_of, revised.record.duplicate_of), (None, None));
}
