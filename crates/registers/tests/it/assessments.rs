use bytes::Bytes;
use kernel::{Id, Kind, Record as _, Stored, Timestamp, Ulid};
use registers::{
    Assessment, AssessmentCommand, AssessmentCompletion, AssessmentError,
    AssessmentStatus::{self, Archived, Completed, InProgress, Planned, Superseded},
    CompletionRenderer, change_assessment,
};
use write_harness::{NOW, WriteHarness, audit_actions, published};

/// A minute before [`NOW`]: the time at which assessments were created.
const BEFORE: Timestamp = Timestamp::from_millis(NOW.millis() - 60_000);

struct KeyRenderer;

impl CompletionRenderer for KeyRenderer {
    fn render(&self, completion: &AssessmentCompletion<'_>) -> Bytes {
        let record = &completion.assessment.record;
        format!("{} {} {}", completion.organization.slug, record.key.as_str(), record.status.name()).into()
    }
}

fn assessment(status: AssessmentStatus) -> Stored<Assessment> {
    let completed_at = matches!(status, Completed | Superseded).then_some(BEFORE);
    let record = Assessment { status, completed_at, ..Assessment::example() };
    Stored::new(Id::new(Ulid::from_parts(1, 1)), Id::new(Ulid::from_parts(2, 2)), BEFORE, record)
}

fn change(
    harness: &WriteHarness,
    current: &Stored<Assessment>,
    command: AssessmentCommand,
) -> Result<(kernel::Changeset, Stored<Assessment>), AssessmentError> {
    change_assessment(&harness.context(), &KeyRenderer, harness.write_timestamp(), current, command)
}

/// The status after a command; `None` if the command is refused. It is repeated here so that a mistake in either table
/// shows.
fn status_after(command: AssessmentCommand, from: AssessmentStatus) -> Option<AssessmentStatus> {
    match (command, from) {
        (AssessmentCommand::Start, Planned | InProgress) => Some(InProgress),
        (AssessmentCommand::Complete { .. }, InProgress | Completed) => Some(Completed),
        (AssessmentCommand::Reopen, Completed | InProgress) => Some(InProgress),
        (AssessmentCommand::Supersede, Completed | Superseded) => Some(Superseded),
        (AssessmentCommand::Archive, _) => Some(Archived),
        _ => None,
    }
}

#[test]
fn every_command_moves_every_status_as_documented_or_is_refused() {
    let harness = WriteHarness::default();
    for command in AssessmentCommand::ALL {
        for from in AssessmentStatus::ALL {
            let outcome = change(&harness, &assessment(*from), *command);
            match status_after(*command, *from) {
                Some(to) => assert_eq!(outcome.unwrap().1.record.status, to, "{command:?} from {from:?}"),
                None => {
                    let refused = AssessmentError::NotAllowed { command: *command, from: *from };
                    assert_eq!(outcome.unwrap_err(), refused);
                }
            }
        }
    }
}

#[test]
fn a_completion_sets_its_time_is_audited_and_published() {
    let harness = WriteHarness::default();
    let current = assessment(InProgress);
    let (changeset, after) = change(&harness, &current, AssessmentCommand::Complete { at: None }).unwrap();
    assert_eq!((after.record.status, after.record.completed_at), (Completed, Some(NOW)));
    assert_eq!((after.meta.revision, after.meta.updated_at), (current.meta.revision.next(), NOW));
    let [write] = changeset.writes() else { panic!("one record is stored") };
    assert_eq!(write.expected, Some(current.meta.revision));
    assert_eq!(audit_actions(&changeset), ["assessment.completed"]);
    let fields: Vec<_> = changeset.entries()[0].changes.iter().map(|change| &*change.field).collect();
    assert_eq!(fields, ["status", "completed_at"]);
    assert_eq!(published(&changeset), ["assessment.completed acme ASM-2026-Q2 completed"]);
    assert_eq!(changeset.events()[0].subject, (Kind::Assessment, current.meta.ulid()));
}

#[test]
fn only_a_completion_is_published() {
    let harness = WriteHarness::default();
    for (command, from, action) in [
        (AssessmentCommand::Start, Planned, "assessment.started"),
        (AssessmentCommand::Reopen, Completed, "assessment.reopened"),
        (AssessmentCommand::Supersede, Completed, "assessment.superseded"),
        (AssessmentCommand::Archive, Planned, "assessment.archived"),
    ] {
        let (changeset, _) = change(&harness, &assessment(from), command).unwrap();
        assert_eq!(audit_actions(&changeset), [action]);
        assert!(changeset.events().is_empty(), "{command:?}");
    }
}

#[test]
fn a_command_that_was_carried_out_already_is_audited_and_changes_nothing() {
    let harness = WriteHarness::default();
    for command in AssessmentCommand::ALL {
        let current = assessment(command.resulting_status());
        let (changeset, after) = change(&harness, &current, *command).unwrap();
        assert_eq!(after, current, "{command:?}");
        assert!(changeset.writes().is_empty() && changeset.events().is_empty(), "{command:?}");
        assert_eq!(changeset.preconditions().len(), 1, "{command:?}");
        assert_eq!(changeset.entries().len(), 1, "{command:?}");
    }
}

#[test]
fn the_time_of_a_completion_can_be_earlier_but_not_in_the_future() {
    let harness = WriteHarness::default();
    let complete = |at| change(&harness, &assessment(InProgress), AssessmentCommand::Complete { at: Some(at) });
    assert_eq!(complete(BEFORE).unwrap().1.record.completed_at, Some(BEFORE));
    let later = Timestamp::from_millis(NOW.millis() + 1);
    assert_eq!(complete(later).unwrap_err(), AssessmentError::CompletedInFuture { at: later });
}

#[test]
fn a_completed_assessment_is_not_completed_at_another_time() {
    let harness = WriteHarness::default();
    let complete = |at| change(&harness, &assessment(Completed), AssessmentCommand::Complete { at: Some(at) });
    assert!(complete(BEFORE).unwrap().0.writes().is_empty());
    let refused = AssessmentError::CompletedAtOtherTime { completed_at: BEFORE };
    assert_eq!(complete(NOW).unwrap_err(), refused);
}

#[test]
fn reopening_clears_the_time_of_the_completion_and_superseding_keeps_it() {
    let harness = WriteHarness::default();
    let after = |command| change(&harness, &assessment(Completed), command).unwrap().1.record.completed_at;
    assert_eq!(after(AssessmentCommand::Reopen), None);
    assert_eq!(after(AssessmentCommand::Supersede), Some(BEFORE));
    assert_eq!(after(AssessmentCommand::Archive), Some(BEFORE));
}

#[test]
fn the_error_says_what_the_command_and_the_status_allow() {
    let refused = |command, from| AssessmentError::NotAllowed { command, from }.to_string();
    assert_eq!(
        refused(AssessmentCommand::Complete { at: None }, Planned),
        "complete is not possible for an assessment with status planned; allowed from: in-progress; an assessment with \
         status planned allows: start, archive"
    );
    assert!(
        refused(AssessmentCommand::Start, Archived).ends_with("an assessment with status archived allows: nothing")
    );
}
