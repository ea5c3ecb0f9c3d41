use findings::{BatchOutcome, NewFinding, OnConflict, Severity, Status, batch};
use kernel::Title;

use crate::desk::{Office, new, noted, told};

#[test]
fn a_batch_is_on_record_once_for_the_call_and_once_for_each_change() {
    let harness = Office::open();
    let existing = harness.finding("existing", Status::Open);
    let findings = vec![new("a"), new("b"), NewFinding { severity: Severity::High, ..new("existing") }];
    let (changeset, outcomes) = batch(&harness.desk(), harness.stamp(), findings, vec![existing], OnConflict::Update);
    assert!(matches!(outcomes[..], [BatchOutcome::Created(_), BatchOutcome::Created(_), BatchOutcome::Updated(_)]));
    assert_eq!(noted(&changeset), ["finding.batch_written", "finding.created", "finding.created", "finding.updated"]);
    assert_eq!(told(&changeset), ["finding.created >open", "finding.created >open", "finding.updated >open"]);
}

#[test]
fn an_update_brings_content_up_to_date_and_never_touches_the_status_or_what_was_not_said() {
    let harness = Office::open();
    let mut existing = harness.finding("k", Status::Remediating);
    existing.record.due_at = Some(existing.meta.created_at);
    let update = NewFinding { title: Title::parse("A better title").unwrap(), status: Some(Status::Open), ..new("k") };
    let (changeset, outcomes) =
        batch(&harness.desk(), harness.stamp(), vec![update], vec![existing.clone()], OnConflict::Update);
    assert_eq!(outcomes, [BatchOutcome::Updated(existing.meta.id)]);
    let written = changeset.writes()[0].record.as_any().downcast_ref::<findings::Finding>().unwrap();
    assert_eq!(written.title.as_str(), "A better title");
    assert_eq!((written.status, written.due_at), (Status::Remediating, existing.record.due_at));
}

#[test]
fn a_second_run_of_the_same_scan_changes_nothing() {
    let harness = Office::open();
    let existing = harness.finding("k", Status::Triaged);
    for (on_conflict, expected) in [
        (OnConflict::Update, BatchOutcome::Unchanged(existing.meta.id)),
        (OnConflict::Skip, BatchOutcome::Skipped(existing.meta.id)),
    ] {
        let (changeset, outcomes) =
            batch(&harness.desk(), harness.stamp(), vec![new("k")], vec![existing.clone()], on_conflict);
        assert_eq!(outcomes, [expected]);
        assert!(changeset.writes().is_empty() && changeset.events().is_empty());
        assert_eq!(noted(&changeset), ["finding.batch_written"]);
    }
}

#[test]
fn a_key_that_comes_twice_is_met_the_second_time_as_if_the_first_were_stored() {
    let harness = Office::open();
    let repeated = || vec![new("k"), NewFinding { severity: Severity::High, ..new("k") }];
    let (_, skipped) = batch(&harness.desk(), harness.stamp(), repeated(), Vec::new(), OnConflict::Skip);
    let [BatchOutcome::Created(first), BatchOutcome::Skipped(second)] = skipped[..] else { panic!("{skipped:?}") };
    assert_eq!(first, second);
    let (changeset, updated) = batch(&harness.desk(), harness.stamp(), repeated(), Vec::new(), OnConflict::Update);
    assert!(matches!(updated[..], [BatchOutcome::Created(_), BatchOutcome::Updated(_)]));
    let expected: Vec<_> = changeset.writes().iter().map(|write| write.expected.map(|revision| revision.0)).collect();
    assert_eq!(expected, [None, Some(1)]);
}
