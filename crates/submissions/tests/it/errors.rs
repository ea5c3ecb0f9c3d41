use submissions::{SubmissionError, SubmissionEventKind, SubmissionPackageStatus};

#[test]
fn the_error_lists_the_statuses_that_allow_the_event_and_the_events_that_the_status_allows() {
    let error = SubmissionError { event: SubmissionEventKind::Acceptance, from: SubmissionPackageStatus::Rejected };
    assert_eq!(
        error.to_string(),
        "acceptance can't be recorded for a submission package with status rejected; allowed from: submitted, \
         acknowledged; a package with status rejected allows: withdrawal, resubmission, comment"
    );
}

#[test]
fn a_package_that_is_archived_allows_comments() {
    let error = SubmissionError { event: SubmissionEventKind::Receipt, from: SubmissionPackageStatus::Archived };
    assert_eq!(
        error.to_string(),
        "receipt can't be recorded for a submission package with status archived; allowed from: submitted; a package \
         with status archived allows: comment"
    );
}
