use findings::{EventKind, Finding, NewEvent, Refusal, Revision, Status, report, revise};
use kernel::{Id, Reference, Stored};

use crate::{desk::Office, events::event};

fn repeats(original: Id<Finding>) -> NewEvent {
    NewEvent { external_reference: None, duplicate_of: Some(original), ..event(EventKind::VerifiedAsDuplicate) }
}

fn refused(office: &Office, present: &Stored<Finding>, new: NewEvent, originals: &[Stored<Finding>]) -> String {
    match report(&office.desk(), office.stamp(), present, new, originals) {
        Err(Refusal::Invalid(faults)) => faults[0].message.to_string(),
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_duplicate_is_closed_and_names_its_original() {
    let office = Office::open();
    let (present, original) = (office.finding("a", Status::Open), office.finding("b", Status::Open));
    let (changeset, _, after) =
        report(&office.desk(), office.stamp(), &present, repeats(original.meta.id), std::slice::from_ref(&original))
            .unwrap();
    assert_eq!((after.record.status, after.record.duplicate_of), (Status::Closed, Some(original.meta.id)));
    assert_eq!(changeset.unchanged().len(), 1, "the original must still be what it was");
}

#[test]
fn a_closed_finding_stays_closed_since_when_it_was_and_takes_the_field() {
    let office = Office::open();
    let (present, original) = (office.finding("a", Status::Closed), office.finding("b", Status::Open));
    let (_, _, after) =
        report(&office.desk(), office.stamp(), &present, repeats(original.meta.id), std::slice::from_ref(&original))
            .unwrap();
    assert_eq!(after.record.closed_at, present.record.closed_at);
    assert_eq!(after.record.duplicate_of, Some(original.meta.id));
}

#[test]
fn a_finding_repeats_neither_itself_nor_one_that_repeats_it_nor_one_that_is_not_there() {
    let office = Office::open();
    let (present, mut other) = (office.finding("a", Status::Open), office.finding("b", Status::Closed));
    let own = present.meta.id;
    assert_eq!(
        refused(&office, &present, repeats(own), std::slice::from_ref(&present)),
        "a finding can't repeat itself"
    );
    other.record.duplicate_of = Some(own);
    let circle = [other.clone(), present.clone()];
    assert_eq!(refused(&office, &present, repeats(other.meta.id), &circle), "that finding repeats this one");
    assert_eq!(refused(&office, &present, repeats(other.meta.id), &[]), "there is no such finding");
}

#[test]
fn exactly_one_original_is_named() {
    let office = Office::open();
    let (present, original) = (office.finding("a", Status::Open), office.finding("b", Status::Open));
    let both = NewEvent { external_reference: Some(Reference::parse("INC1").unwrap()), ..repeats(original.meta.id) };
    let neither = NewEvent { duplicate_of: None, ..repeats(original.meta.id) };
    for new in [both, neither] {
        assert!(refused(&office, &present, new, std::slice::from_ref(&original)).contains("exactly one"));
    }
    let stray = NewEvent { duplicate_of: Some(original.meta.id), ..event(EventKind::Comment) };
    assert!(refused(&office, &present, stray, &[original]).contains("only verified_as_duplicate"));
}

#[test]
fn who_is_opened_again_repeats_nothing_any_more_whichever_way_it_is_opened() {
    let office = Office::open();
    let original = office.finding("b", Status::Open);
    let mut present = office.finding("a", Status::Closed);
    present.record.duplicate_of = Some(original.meta.id);
    let (_, _, reported) = report(&office.desk(), office.stamp(), &present, event(EventKind::Reopened), &[]).unwrap();
    let reopening = Revision { status: Some(Status::Open), ..Revision::default() };
    let (_, revised) = revise(&office.desk(), office.stamp(), &present, &reopening).unwrap();
    assert_eq!((reported.record.duplicate_of, revised.record.duplicate_of), (None, None));
}
