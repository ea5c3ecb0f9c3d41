use submissions::{
    PackageCommand::{self, Approve, Archive, Return, StartReview},
    PreparationError,
    SubmissionPackageStatus::{self, Archived, Draft, InReview, Ready, Submitted},
};
use write_harness::{NOW, WriteHarness, audit_actions, published};

use crate::harness::{package, prepare};

/// The status after a command; `None` if the command is refused. It is repeated here so that a mistake in either table
/// shows.
fn status_after(command: PackageCommand, from: SubmissionPackageStatus) -> Option<SubmissionPackageStatus> {
    match (command, from) {
        (StartReview, Draft | InReview) => Some(InReview),
        (Approve, InReview | Ready) => Some(Ready),
        (Return, InReview | Ready | Draft) => Some(Draft),
        (Archive, _) => Some(Archived),
        _ => None,
    }
}

#[test]
fn every_command_moves_every_status_as_documented_or_is_refused() {
    let harness = WriteHarness::default();
    for command in PackageCommand::ALL {
        for from in SubmissionPackageStatus::ALL {
            let current = package(&harness, *from);
            let outcome = prepare(&harness, &current, *command);
            match status_after(*command, *from) {
                Some(to) => assert_eq!(outcome.unwrap().1.record.status, to, "{command:?} from {from:?}"),
                None => assert_eq!(outcome.unwrap_err(), PreparationError { command: *command, from: *from }),
            }
        }
    }
}

#[test]
fn a_command_is_audited_and_the_change_of_status_is_published() {
    let harness = WriteHarness::default();
    for (command, from, action) in [
        (StartReview, Draft, "submission_package.review_started"),
        (Approve, InReview, "submission_package.approved"),
        (Return, Ready, "submission_package.returned"),
        (Archive, Submitted, "submission_package.archived"),
    ] {
        let current = package(&harness, from);
        let (changeset, after) = prepare(&harness, &current, command).unwrap();
        assert_eq!(audit_actions(&changeset), [action]);
        let [change] = &changeset.entries()[0].changes[..] else { panic!("the status alone changed") };
        assert_eq!(change.field, "status");
        let [write] = changeset.writes() else { panic!("the package is stored") };
        assert_eq!((write.expected, after.meta.updated_at), (Some(current.meta.revision), NOW));
        let [event] = changeset.events() else { panic!("one event is published") };
        let (from, to) = (from.name(), after.record.status.name());
        assert_eq!(published(&changeset), [format!("submission.package.status_changed {from}>{to} {}", event.id)]);
        assert_eq!(event.revision, after.meta.revision);
    }
}

#[test]
fn a_command_that_was_carried_out_already_is_audited_and_changes_nothing() {
    let harness = WriteHarness::default();
    for command in PackageCommand::ALL {
        let current = package(&harness, command.resulting_status());
        let (changeset, after) = prepare(&harness, &current, *command).unwrap();
        assert_eq!(after, current, "{command:?}");
        assert!(changeset.writes().is_empty() && changeset.events().is_empty(), "{command:?}");
        assert_eq!((changeset.preconditions().len(), changeset.entries().len()), (1, 1), "{command:?}");
    }
}

#[test]
fn the_error_says_what_the_command_and_the_status_allow() {
    let refused = |command, from| PreparationError { command, from }.to_string();
    assert_eq!(
        refused(Approve, Draft),
        "approve is not possible for a submission package with status draft; allowed from: in_review; a package with \
         status draft allows: start-review, archive, and the events comment"
    );
    assert!(refused(Return, Archived).ends_with("a package with status archived allows: the events comment"));
}
