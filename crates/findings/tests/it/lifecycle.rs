use findings::{FindingError, FindingPatch, Status, update};

use crate::harness::{Harness, StatusRenderer};

/// The transitions of the contract, repeated here so that a mistake in either table shows.
const ALLOWED: &[(Status, &[Status])] = {
    use Status::*;
    &[
        (Open, &[Triaged, RemediationPlanned, Remediating, Accepted, Closed]),
        (Triaged, &[RemediationPlanned, Remediating, Accepted, Closed]),
        (RemediationPlanned, &[Remediating, Accepted, Closed]),
        (Remediating, &[RemediationPlanned, Verified, Accepted]),
        (Verified, &[Closed, Remediating]),
        (Accepted, &[Open, Closed, Archived]),
        (Closed, &[Open, Archived]),
        (Archived, &[]),
    ]
};

#[test]
fn only_the_transitions_of_the_contract_are_allowed() {
    let harness = Harness::new();
    for (from, allowed) in ALLOWED {
        for to in Status::ALL {
            let current = harness.finding("k", *from);
            let patch = FindingPatch { status: Some(*to), ..FindingPatch::default() };
            let outcome = update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &patch);
            if from == to {
                let (changeset, after) = outcome.unwrap();
                assert!(changeset.writes().is_empty(), "{from:?} stays as it is");
                assert_eq!(after, current);
            } else if allowed.contains(to) {
                assert_eq!(outcome.unwrap().1.record.status, *to);
            } else {
                assert_eq!(outcome.unwrap_err(), FindingError::Transition { from: *from, to: *to });
            }
        }
    }
}

#[test]
fn the_error_of_a_rejected_transition_lists_the_allowed_ones() {
    let harness = Harness::new();
    let current = harness.finding("k", Status::Verified);
    let patch = FindingPatch { status: Some(Status::Open), ..FindingPatch::default() };
    let error = update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &current, &patch).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a finding with status verified can't become open; allowed from here: closed, remediating"
    );
}

#[test]
fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let harness = Harness::new();
    let with_status = |current: &kernel::Stored<findings::Finding>, status| {
        let patch = FindingPatch { status: Some(status), ..FindingPatch::default() };
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), current, &patch).unwrap().1
    };
    for resolved in [Status::Closed, Status::Accepted] {
        let open = harness.finding("k", Status::Open);
        assert_eq!(open.record.closed_at, None);
        let closed = with_status(&open, resolved);
        assert_eq!(closed.record.closed_at, Some(closed.meta.updated_at));
        assert_eq!(with_status(&closed, Status::Open).record.closed_at, None);
        assert_eq!(with_status(&closed, Status::Archived).record.closed_at, None);
    }
}

#[test]
fn an_accepted_finding_that_is_closed_gets_a_new_time_of_closing() {
    let harness = Harness::new();
    let mut accepted = harness.finding("k", Status::Accepted);
    accepted.record.closed_at = Some(accepted.meta.created_at);
    let patch = FindingPatch { status: Some(Status::Closed), ..FindingPatch::default() };
    let (changeset, closed) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &accepted, &patch).unwrap();
    assert_eq!(closed.record.closed_at, Some(changeset.at()));
}

#[test]
fn an_archived_finding_stays_a_duplicate() {
    let harness = Harness::new();
    let original = harness.finding("original", Status::Open);
    let mut closed = harness.finding("k", Status::Closed);
    closed.record.duplicate_of = Some(original.meta.id);
    let patch = FindingPatch { status: Some(Status::Archived), ..FindingPatch::default() };
    let (_, archived) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &closed, &patch).unwrap();
    assert_eq!(archived.record.duplicate_of, Some(original.meta.id));
}

#[test]
fn a_duplicate_that_is_accepted_and_then_closed_stays_a_duplicate() {
    let harness = Harness::new();
    let original = harness.finding("original", Status::Open);
    let mut accepted = harness.finding("k", Status::Accepted);
    accepted.record.duplicate_of = Some(original.meta.id);
    let patch = FindingPatch { status: Some(Status::Closed), ..FindingPatch::default() };
    let (_, closed) =
        update(&harness.context(), &StatusRenderer, harness.write_timestamp(), &accepted, &patch).unwrap();
    assert_eq!(closed.record.duplicate_of, Some(original.meta.id));
}

#[test]
fn only_closed_and_accepted_findings_are_resolved() {
    let resolved: Vec<_> = Status::ALL.iter().copied().filter(|status| status.is_resolved()).collect();
    assert_eq!(resolved, [Status::Closed, Status::Accepted]);
}
