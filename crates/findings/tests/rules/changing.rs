use findings::{Refusal, Revision, Set, Severity, Status, revise};
use kernel::{FieldValue, Reference, Title};

use crate::desk::{Office, told};

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

#[test]
fn what_is_not_named_stays_and_what_is_cleared_goes() {
    let harness = Office::open();
    let mut current = harness.finding("k", Status::Open);
    current.record.owner_responsibility_id = Some(reference("resp_1"));
    current.record.owner_member_user_id = Some(reference("usr_1"));
    let patch = Revision { owner_responsibility_id: Set::Clear, ..Revision::default() };
    let (changeset, after) = revise(&harness.desk(), harness.stamp(), &current, &patch).unwrap();
    assert_eq!(after.record.owner_responsibility_id, None);
    assert_eq!(after.record.owner_member_user_id, current.record.owner_member_user_id);
    assert_eq!(after.meta.revision, current.meta.revision.next());
    let [change] = changeset.entries()[0].changes.as_slice() else { panic!("one field changed") };
    assert_eq!(change.field, "owner_responsibility_id");
    assert_eq!(change.before, FieldValue::Text("resp_1".to_owned()));
    assert_eq!(change.after, FieldValue::Null);
}

#[test]
fn subscribers_hear_of_severity_status_owner_and_due_date_and_of_nothing_else() {
    let harness = Office::open();
    let current = harness.finding("k", Status::Open);
    let events = |patch: Revision| told(&revise(&harness.desk(), harness.stamp(), &current, &patch).unwrap().0);
    assert!(events(Revision { title: Some(Title::parse("Another title").unwrap()), ..Revision::default() }).is_empty());
    assert_eq!(events(Revision { severity: Some(Severity::High), ..Revision::default() }), ["finding.updated >open"]);
    assert_eq!(
        events(Revision { owner_member_user_id: Set::To(reference("usr_1")), ..Revision::default() }),
        ["finding.updated >open"]
    );
    assert_eq!(
        events(Revision { status: Some(Status::Triaged), ..Revision::default() }),
        ["finding.updated >triaged", "finding.status_changed open>triaged"]
    );
    assert_eq!(
        events(Revision { status: Some(Status::Accepted), ..Revision::default() }),
        ["finding.updated >accepted", "finding.status_changed open>accepted", "finding.closed >accepted"]
    );
}

#[test]
fn half_a_subject_is_refused_and_the_other_half_may_be_there_already() {
    let harness = Office::open();
    let current = harness.finding("k", Status::Open);
    let incomplete = Revision { subject_resource_id: Set::To(reference("src/a.rs")), ..Revision::default() };
    let Err(Refusal::Invalid(errors)) = revise(&harness.desk(), harness.stamp(), &current, &incomplete) else {
        panic!("an incomplete subject was accepted")
    };
    assert_eq!(errors[0].field, "subject_module_key");

    let complete = Revision {
        subject_module_key: Set::To(reference("code")),
        subject_resource_type: Set::To(reference("file")),
        ..incomplete.clone()
    };
    let (_, with_subject) = revise(&harness.desk(), harness.stamp(), &current, &complete).unwrap();
    let other_id = Revision { subject_resource_id: Set::To(reference("src/b.rs")), ..Revision::default() };
    let (_, after) = revise(&harness.desk(), harness.stamp(), &with_subject, &other_id).unwrap();
    assert_eq!(after.record.subject.unwrap().resource_id, reference("src/b.rs"));
}

#[test]
fn a_change_that_changes_nothing_is_on_record_and_leaves_the_revision() {
    let harness = Office::open();
    let current = harness.finding("k", Status::Open);
    let same = Revision { severity: Some(current.record.severity), ..Revision::default() };
    let (changeset, after) = revise(&harness.desk(), harness.stamp(), &current, &same).unwrap();
    assert_eq!(after, current);
    assert_eq!(changeset.entries().len(), 1);
    assert!(changeset.writes().is_empty() && changeset.events().is_empty());
}
