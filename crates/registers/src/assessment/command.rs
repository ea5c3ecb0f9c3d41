//! The commands that move an assessment from status to status.

use kernel::{Action, Change, Changeset, Kind, Stored, Subject, Timestamp, WriteContext, WriteTimestamp};

use super::{
    Assessment, AssessmentStatus,
    completion::{CompletionRenderer, publish_completion},
};

/// A command that moves an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssessmentCommand {
    /// The work begins.
    Start,
    /// The work is done, now or at an earlier time.
    Complete {
        /// The time of the completion, if it was not now.
        at: Option<Timestamp>,
    },
    /// A completed assessment is worked on again.
    Reopen,
    /// A later assessment replaces it.
    Supersede,
    /// It is kept for the record only.
    Archive,
}

/// A command on an assessment was refused. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssessmentError {
    /// The status does not allow the command.
    #[error(
        "{} is not possible for an assessment with status {}; allowed from: {}; an assessment with status {} allows: {}",
        .command.name(), .from.name(), names(.command.allowed_from().iter().map(|status| status.name())),
        .from.name(), names(.from.allowed_commands().map(AssessmentCommand::name))
    )]
    NotAllowed {
        /// The command.
        command: AssessmentCommand,
        /// The current status.
        from: AssessmentStatus,
    },
    /// The assessment would be completed in the future.
    #[error("the time of the completion, {at}, is in the future")]
    CompletedInFuture {
        /// The time of the completion.
        at: Timestamp,
    },
    /// The assessment was completed at another time.
    #[error("the assessment was completed at {completed_at} already; to complete it at another time, reopen it first")]
    CompletedAtOtherTime {
        /// The stored time of the completion.
        completed_at: Timestamp,
    },
}

fn names(names: impl Iterator<Item = &'static str>) -> String {
    let names = names.collect::<Vec<_>>();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

impl AssessmentCommand {
    /// All commands.
    pub const ALL: &'static [Self] =
        &[Self::Start, Self::Complete { at: None }, Self::Reopen, Self::Supersede, Self::Archive];

    /// The name of the command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Complete { .. } => "complete",
            Self::Reopen => "reopen",
            Self::Supersede => "supersede",
            Self::Archive => "archive",
        }
    }

    /// The participle in the name of its audit action, such as `assessment.completed`.
    const fn participle(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Complete { .. } => "completed",
            Self::Reopen => "reopened",
            Self::Supersede => "superseded",
            Self::Archive => "archived",
        }
    }

    /// The statuses that the command moves an assessment from.
    #[must_use]
    pub const fn allowed_from(self) -> &'static [AssessmentStatus] {
        use AssessmentStatus::{Completed, InProgress, Planned, Superseded};
        match self {
            Self::Start => &[Planned],
            Self::Complete { .. } => &[InProgress],
            Self::Reopen | Self::Supersede => &[Completed],
            Self::Archive => &[Planned, InProgress, Completed, Superseded],
        }
    }

    /// The status that the command leads to.
    #[must_use]
    pub const fn resulting_status(self) -> AssessmentStatus {
        match self {
            Self::Start | Self::Reopen => AssessmentStatus::InProgress,
            Self::Complete { .. } => AssessmentStatus::Completed,
            Self::Supersede => AssessmentStatus::Superseded,
            Self::Archive => AssessmentStatus::Archived,
        }
    }

    /// The assessment after the command, which is the same if it has the resulting status already.
    fn apply(self, current: &Assessment, now: Timestamp) -> Result<Assessment, AssessmentError> {
        if let Self::Complete { at: Some(at) } = self {
            if at > now {
                return Err(AssessmentError::CompletedInFuture { at });
            }
            match current.completed_at.filter(|_| current.status == AssessmentStatus::Completed) {
                Some(completed_at) if completed_at != at => {
                    return Err(AssessmentError::CompletedAtOtherTime { completed_at });
                }
                _ => {}
            }
        }
        let status = self.resulting_status();
        if current.status == status {
            return Ok(current.clone());
        }
        if !self.allowed_from().contains(&current.status) {
            return Err(AssessmentError::NotAllowed { command: self, from: current.status });
        }
        let completed_at = match self {
            Self::Start | Self::Reopen => None,
            Self::Complete { at } => Some(at.unwrap_or(now)),
            Self::Supersede | Self::Archive => current.completed_at,
        };
        Ok(Assessment { status, completed_at, ..current.clone() })
    }
}

impl AssessmentStatus {
    /// The commands that move an assessment with this status.
    pub fn allowed_commands(self) -> impl Iterator<Item = AssessmentCommand> {
        AssessmentCommand::ALL.iter().copied().filter(move |command| command.allowed_from().contains(&self))
    }
}

/// Moves an assessment. A command that has been carried out already changes nothing and publishes nothing, but has its
/// audit entry.
///
/// # Errors
/// [`AssessmentError`] if the status does not allow the command, or the time of the completion is wrong.
pub fn change_assessment(
    context: &WriteContext<'_>,
    renderer: &dyn CompletionRenderer,
    timestamp: WriteTimestamp,
    current: &Stored<Assessment>,
    command: AssessmentCommand,
) -> Result<(Changeset, Stored<Assessment>), AssessmentError> {
    let changed = command.apply(&current.record, timestamp.clock())?;
    let action = Action::on_record(Kind::Assessment, command.participle());
    let mut changeset = context.begin(timestamp.after([current]), action, Some(Subject::from_id(current.meta.id)));
    if changed == current.record {
        changeset.require_unchanged(current);
        return Ok((changeset, current.clone()));
    }
    let assessment = current.changed(changeset.at(), changed);
    changeset.set_changes(Change::between(Some(&current.record), &assessment.record));
    changeset.update(current, &assessment);
    if matches!(command, AssessmentCommand::Complete { .. }) {
        publish_completion(context, renderer, &mut changeset, &assessment);
    }
    Ok((changeset, assessment))
}
