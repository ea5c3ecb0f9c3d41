//! Errors of commands on submission packages.

use crate::{event::SubmissionEventKind, package::SubmissionPackageStatus};

/// The event can't be recorded in the current status of the package. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} can't be recorded for a submission package with status {}; allowed from: {}; a package with status {} allows: {}",
    .event.name(), .from.name(), names(.event.allowed_from().iter().map(|status| status.name())),
    .from.name(), names(.from.allowed_events().map(SubmissionEventKind::name))
)]
pub struct SubmissionError {
    /// The kind of the reported event.
    pub event: SubmissionEventKind,
    /// The current status.
    pub from: SubmissionPackageStatus,
}

fn names(names: impl Iterator<Item = &'static str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
