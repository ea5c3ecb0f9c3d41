use findings::{Refusal, Revision, Status, revise};

use crate::desk::Office;

/// The table of the contract, written out once more so that a slip in either shows.
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
    let office = Office::open();
    for (from, allowed) in ALLOWED {
        for to in Status::ALL {
            let present = office.finding("k", *from);
            let revision = Revision { status: Some(*to), ..Revision::default() };
            let outcome = revise(&office.desk(), office.stamp(), &present, &revision);
            if from == to {
                let (changeset, after) = outcome.unwrap();
                assert!(changeset.writes().is_empty(), "{from:?} stays as it is");
                assert_eq!(after, present);
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
    let office = Office::open();
    let present = office.finding("k", Status::Verified);
    let revision = Revision { status: Some(Status::Open), ..Revision::default() };
    let refusal = revise(&office.desk(), office.stamp(), &present, &revision).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a finding that is verified can't become open; allowed from here: closed, remediating"
    );
}

#[test]
fn the_time_of_closing_is_set_on_entering_closed_or_accepted_and_cleared_on_leaving() {
    let office = Office::open();
    let to = |present: &kernel::Stored<findings::Finding>, status| {
        let revision = Revision { status: Some(status), ..Revision::default() };
        revise(&office.desk(), office.stamp(), present, &revision).unwrap().1
    };
    for settled in [Status::Closed, Status::Accepted] {
        let open = office.finding("k", Status::Open);
        assert_eq!(open.record.closed_at, None);
        let closed = to(&open, settled);
        assert_eq!(closed.record.closed_at, Some(closed.meta.updated_at));
        assert_eq!(to(&closed, Status::Open).record.closed_at, None);
        assert_eq!(to(&closed, Status::Archived).record.closed_at, None);
    }
}
