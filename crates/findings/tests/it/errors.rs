use findings::{EventKind, FindingError, Status};

#[test]
fn the_error_of_a_transition_from_an_archived_finding_allows_nothing() {
    let error = FindingError::Transition { from: Status::Archived, to: Status::Open };
    assert_eq!(error.to_string(), "a finding with status archived can't become open; allowed from here: nothing");
}

#[test]
fn the_error_of_a_rejected_event_lists_the_statuses_that_allow_it() {
    let error = FindingError::Event {
        event: EventKind::Reopened,
        from: Status::Open,
        allowed: &[Status::Closed, Status::Accepted],
    };
    assert_eq!(
        error.to_string(),
        "reopened can't be reported for a finding with status open; allowed from: closed, accepted"
    );
}
