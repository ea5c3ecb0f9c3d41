use findings::{BatchOutcome, NewFinding, OnConflict, Severity, Status, write_batch};
use kernel::Title;

use crate::harness::{Harness, StatusRenderer, audit_actions, event_names, new_finding};

#[test]
fn a_batch_has_one_audit_entry_for_the_call_and_one_for_each_change() {
    let harness = Harness::new();
    let existing = harness.finding("existing", Status::Open);
    let findings =
        vec![new_finding("a"), new_finding("b"), NewFinding { severity: Severity::High, ..new_finding("existing") }];
    let (changeset, outcomes) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        findings,
        vec![existing],
        OnConflict::Update,
    );
    assert!(matches!(outcomes[..], [BatchOutcome::Created(_), BatchOutcome::Created(_), BatchOutcome::Updated(_)]));
    assert_eq!(
        audit_actions(&changeset),
        ["finding.batch_written", "finding.created", "finding.created", "finding.updated"]
    );
    assert_eq!(event_names(&changeset), ["finding.created >open", "finding.created >open", "finding.updated >open"]);
}

#[test]
fn an_update_changes_the_content_and_keeps_the_status_and_unspecified_fields() {
    let harness = Harness::new();
    let mut existing = harness.finding("k", Status::Remediating);
    existing.record.due_at = Some(existing.meta.created_at);
    let update =
        NewFinding { title: Title::parse("A better title").unwrap(), status: Some(Status::Open), ..new_finding("k") };
    let (changeset, outcomes) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        vec![update],
        vec![existing.clone()],
        OnConflict::Update,
    );
    assert_eq!(outcomes, [BatchOutcome::Updated(existing.meta.id)]);
    let written = changeset.writes()[0].record.as_any().downcast_ref::<findings::Finding>().unwrap();
    assert_eq!(written.title.as_str(), "A better title");
    assert_eq!((written.status, written.due_at), (Status::Remediating, existing.record.due_at));
}

#[test]
fn a_second_run_of_the_same_scan_changes_nothing() {
    let harness = Harness::new();
    let existing = harness.finding("k", Status::Triaged);
    for (on_conflict, expected) in [
        (OnConflict::Update, BatchOutcome::Unchanged(existing.meta.id)),
        (OnConflict::Skip, BatchOutcome::Skipped(existing.meta.id)),
    ] {
        let (changeset, outcomes) = write_batch(
            &harness.context(),
            &StatusRenderer,
            harness.write_timestamp(),
            vec![new_finding("k")],
            vec![existing.clone()],
            on_conflict,
        );
        assert_eq!(outcomes, [expected]);
        assert!(changeset.writes().is_empty() && changeset.events().is_empty());
        assert_eq!(audit_actions(&changeset), ["finding.batch_written"]);
    }
}

#[test]
fn a_repeated_key_is_handled_as_if_its_first_occurrence_were_stored() {
    let harness = Harness::new();
    let repeated = || vec![new_finding("k"), NewFinding { severity: Severity::High, ..new_finding("k") }];
    let (_, skipped) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        repeated(),
        Vec::new(),
        OnConflict::Skip,
    );
    let [BatchOutcome::Created(first), BatchOutcome::Skipped(second)] = skipped[..] else { panic!("{skipped:?}") };
    assert_eq!(first, second);
    let (changeset, updated) = write_batch(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        repeated(),
        Vec::new(),
        OnConflict::Update,
    );
    assert!(matches!(updated[..], [BatchOutcome::Created(_), BatchOutcome::Updated(_)]));
    assert_eq!(audit_actions(&changeset), ["finding.batch_written", "finding.created"]);
}

#[test]
fn a_finding_is_written_once_per_batch_in_its_last_state_however_often_its_key_is_repeated() {
    let harness = Harness::new();
    let existing = harness.finding("k", Status::Open);
    let original = existing.record.severity;
    let other = |n: usize| if n.is_multiple_of(2) { Severity::High } else { Severity::Low };
    let batch = |severities: Vec<Severity>| {
        let items = severities.into_iter().map(|severity| NewFinding { severity, ..new_finding("k") }).collect();
        let (context, renderer) = (harness.context(), StatusRenderer);
        let existing = vec![existing.clone()];
        write_batch(&context, &renderer, harness.write_timestamp(), items, existing, OnConflict::Update)
    };
    let (changeset, outcomes) = batch((0..500).map(other).collect());
    assert_eq!(outcomes, vec![BatchOutcome::Updated(existing.meta.id); 500]);
    assert_eq!((changeset.writes().len(), event_names(&changeset)), (1, vec!["finding.updated >open".to_owned()]));
    assert_eq!(audit_actions(&changeset), ["finding.batch_written", "finding.updated"]);
    let written = changeset.writes()[0].record.as_any().downcast_ref::<findings::Finding>().unwrap();
    assert_eq!(written.severity, Severity::Low);

    let (changeset, _) = batch(vec![Severity::High, original]);
    assert!(changeset.writes().is_empty() && changeset.events().is_empty());
}
