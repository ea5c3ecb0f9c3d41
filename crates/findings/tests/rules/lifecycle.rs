use findings::{Refusal, Revision, Status, revise};

use crate::desk::Office;

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
fn a_status_is_followed_by_those_of_the_contract_and_no_other() {
    let harness = Office::open();
    for (from, allowed) in ALLOWED {
        for to in Status::ALL {
            let current = harness.finding("k", *from);
            let patch = Revision { status: Some(*to), ..Revision::default() };
            let outcome = revise(&harness.desk(), harness.stamp(), &current, &patch);
            if from == to {
                let (changeset, after) = outcome.unwrap();
                assert!(changeset.writes().is_empty(), "{from:?} stays as it is");
                assert_eq!(after, current);
            } else if allowed.contains(to) {
                assert_eq!(outcome.unwrap().1.record.status, *to);
            } else {
                assert_eq!(outcome.unwrap_err(), Refusal::Transition { from: *from, to: *to });
            }
        }
    }
}

#[test]
fn a_refused_transition_names_the_allowed_ones() {
    let harness = Office::open();
    let current = harness.finding("k", Status::Verified);
    let patch = Revision { status: Some(Status::Open), ..Revision::default() };
    let error = revise(&harness.desk(), harness.stamp(), &current, &patch).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a finding with status verified can't become open; allowed from here: closed, remediating"
    );
}

#[test]
fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let harness = Office::open();
    let with_status = |current: &kernel::Stored<findings::Finding>, status| {
        let patch = Revision { status: Some(status), ..Revision::default() };
        revise(&harness.desk(), harness.stamp(), current, &patch).unwrap().1
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
