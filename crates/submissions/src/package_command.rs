//! The commands that move a submission package from draft to ready before it is submitted, and into the archive.

use crate::package::SubmissionPackageStatus;

/// A command that moves a package without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageCommand {
    /// The draft is complete, and is to be reviewed.
    StartReview,
    /// The review has approved the package: it can be submitted.
    Approve,
    /// The package needs more work before it is submitted.
    Return,
    /// The package is kept for the record only.
    Archive,
}

impl PackageCommand {
    /// All commands.
    pub const ALL: &'static [Self] = &[Self::StartReview, Self::Approve, Self::Return, Self::Archive];

    /// The name of the command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartReview => "start-review",
            Self::Approve => "approve",
            Self::Return => "return",
            Self::Archive => "archive",
        }
    }

    /// The participle in the name of its audit action, such as `submission_package.approved`.
    pub(crate) const fn participle(self) -> &'static str {
        match self {
            Self::StartReview => "review_started",
            Self::Approve => "approved",
            Self::Return => "returned",
            Self::Archive => "archived",
        }
    }

    /// The statuses that the command moves a package from.
    #[must_use]
    pub const fn allowed_from(self) -> &'static [SubmissionPackageStatus] {
        use SubmissionPackageStatus::{Accepted, Acknowledged, Draft, InReview, Ready, Rejected, Submitted, Withdrawn};
        match self {
            Self::StartReview => &[Draft],
            Self::Approve => &[InReview],
            Self::Return => &[InReview, Ready],
            Self::Archive => &[Draft, InReview, Ready, Submitted, Acknowledged, Accepted, Rejected, Withdrawn],
        }
    }

    /// The status that the command leads to.
    #[must_use]
    pub const fn resulting_status(self) -> SubmissionPackageStatus {
        match self {
            Self::StartReview => SubmissionPackageStatus::InReview,
            Self::Approve => SubmissionPackageStatus::Ready,
            Self::Return => SubmissionPackageStatus::Draft,
            Self::Archive => SubmissionPackageStatus::Archived,
        }
    }
}

impl SubmissionPackageStatus {
    /// The commands that move a package with this status.
    pub fn allowed_commands(self) -> impl Iterator<Item = PackageCommand> {
        PackageCommand::ALL.iter().copied().filter(move |command| command.allowed_from().contains(&self))
    }
}
