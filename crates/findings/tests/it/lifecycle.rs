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
