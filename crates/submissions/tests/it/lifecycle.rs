use kernel::Kind;
use submissions::{
    SubmissionError,
    SubmissionEventKind::{self, Acceptance, Comment, Receipt, Rejection, Resubmission, Submission, Withdrawal},
    SubmissionPackageStatus::{self, Accepted, Acknowledged, Ready, Rejected, Submitted, Withdrawn},
};
use write_harness::WriteHarness;

use crate::harness::{event, package, record_event, reference, time};

/// The status after an event according to the contract; `None` if the event is refused. It is repeated here so that a
/// mistake in either table shows.
pub(crate) fn status_after(
    kind: SubmissionEventKind,
    from: SubmissionPackageStatus,
) -> Option<SubmissionPackageStatus> {
    match (kind, from) {
        (Submission, Ready) => Some(Submitted),
        (Receipt, Submitted) => Some(Acknowledged),
        (Acceptance, Submitted | Acknowledged) => Some(Accepted),
        (Rejection, Submitted | Acknowledged) => Some(Rejected),
        (Withdrawal, Submitted | Acknowledged | Rejected) => Some(Withdrawn),
        (Resubmission, Rejected | Withdrawn) => Some(Submitted),
        (Comment, from) => Some(from),
        _ => None,
    }
}

#[test]
fn every_event_moves_every_status_as_the_contract_says_or_is_refused() {
    let harness = WriteHarness::default();
    for kind in SubmissionEventKind::ALL {
        for from in SubmissionPackageStatus::ALL {
            let current = package(&harness, *from);
            let outcome = record_event(&harness, &current, event(*kind, 1));
            match status_after(*kind, *from) {
                Some(to) => assert_eq!(outcome.unwrap().2.record.status, to, "{kind:?} from {from:?}"),
                None => assert_eq!(outcome.unwrap_err(), SubmissionError { event: *kind, from: *from }),
            }
        }
    }
}

#[test]
fn the_events_that_a_status_allows_are_those_of_the_contract() {
    for from in SubmissionPackageStatus::ALL {
        let expected: Vec<_> =
            SubmissionEventKind::ALL.iter().copied().filter(|kind| status_after(*kind, *from).is_some()).collect();
        assert_eq!(from.allowed_events().collect::<Vec<_>>(), expected, "{from:?}");
    }
}

#[test]
fn the_times_of_a_package_are_those_of_the_events_of_its_last_submission() {
    let harness = WriteHarness::default();
    let mut current = package(&harness, Ready);
    for (kind, second, [submitted, acknowledged, decided]) in [
        (Submission, 1, [Some(1), None, None]),
        (Receipt, 2, [Some(1), Some(2), None]),
        (Rejection, 3, [Some(1), Some(2), Some(3)]),
        (Comment, 4, [Some(1), Some(2), Some(3)]),
        (Resubmission, 5, [Some(5), None, None]),
        (Withdrawal, 6, [Some(5), None, None]),
        (Resubmission, 7, [Some(7), None, None]),
        (Rejection, 8, [Some(7), None, Some(8)]),
        (Withdrawal, 9, [Some(7), None, Some(8)]),
        (Resubmission, 10, [Some(10), None, None]),
        (Receipt, 11, [Some(10), Some(11), None]),
        (Acceptance, 12, [Some(10), Some(11), Some(12)]),
    ] {
        current = record_event(&harness, &current, event(kind, second)).unwrap().2;
        let record = &current.record;
        assert_eq!(
            [record.submitted_at, record.acknowledged_at, record.decided_at],
            [submitted, acknowledged, decided].map(|second: Option<i64>| second.map(time)),
            "{kind:?} at {second}"
        );
    }
}

#[test]
fn the_reference_of_the_recipient_is_the_last_that_an_event_with_an_effect_had() {
    let harness = WriteHarness::default();
    let mut current = package(&harness, Ready);
    for (kind, given, expected) in [
        (Submission, None, None),
        (Receipt, Some("case-1"), Some("case-1")),
        (Rejection, None, Some("case-1")),
        (Comment, Some("case-2"), Some("case-1")),
        (Resubmission, Some("case-3"), Some("case-3")),
        (Acceptance, None, Some("case-3")),
    ] {
        let mut new = event(kind, 1);
        new.recipient_reference = given.map(reference);
        let (_, recorded, package) = record_event(&harness, &current, new).unwrap();
        assert_eq!(recorded.record.recipient_reference, given.map(reference));
        assert_eq!(package.record.recipient_reference, expected.map(reference), "{kind:?}");
        current = package;
    }
}

#[test]
fn a_comment_changes_nothing_about_the_package() {
    let harness = WriteHarness::default();
    for status in SubmissionPackageStatus::ALL {
        let current = package(&harness, *status);
        let (changeset, _, after) = record_event(&harness, &current, event(Comment, 1)).unwrap();
        assert_eq!(after, current);
        assert_eq!(changeset.writes().len(), 1, "only the event is stored");
        let unchanged = (Kind::SubmissionPackage, current.meta.ulid(), current.meta.revision);
        assert_eq!(changeset.preconditions(), [unchanged]);
    }
}

#[test]
fn an_answer_follows_the_submission_and_a_resubmission_the_decision() {
    let harness = WriteHarness::default();
    let mut package = package(&harness, SubmissionPackageStatus::Rejected).record;
    assert!(SubmissionEventKind::ALL.iter().all(|kind| package.followed_by(*kind).is_none()), "nothing was submitted");
    package.submitted_at = Some(time(1));
    for kind in [Receipt, Acceptance, Rejection, Withdrawal, Resubmission] {
        assert_eq!(package.followed_by(kind), Some((time(1), "submission")), "{kind:?}");
    }
    package.decided_at = Some(time(2));
    assert_eq!(package.followed_by(Resubmission), Some((time(2), "decision")));
    assert_eq!(package.followed_by(Withdrawal), Some((time(1), "submission")));
    assert_eq!([Submission, Comment].map(|kind| package.followed_by(kind)), [None, None]);
}

#[test]
fn a_package_is_to_be_submitted_until_it_is_and_again_after_a_rejection() {
    use SubmissionPackageStatus::{Draft, InReview};
    let awaiting: Vec<_> =
        SubmissionPackageStatus::ALL.iter().copied().filter(|status| status.awaits_submission()).collect();
    assert_eq!(awaiting, [Draft, InReview, Ready, Rejected]);
}
