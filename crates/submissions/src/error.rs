//! Errors of commands on submission packages.

use crate::{event::SubmissionEventKind, package::SubmissionPackageStatus, package_command::PackageCommand};

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

/// The command is not possible in the current status of the package. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not possible for a submission package with status {}; allowed from: {}; a package with status {} allows: {}",
    .command.name(), .from.name(), names(.command.allowed_from().iter().map(|status| status.name())),
    .from.name(), possible(*.from)
)]
pub struct PreparationError {
    /// The command.
    pub command: PackageCommand,
    /// The current status.
    pub from: SubmissionPackageStatus,
}

/// The names of the commands and of the events that a status allows.
fn possible(from: SubmissionPackageStatus) -> String {
    let (commands, events) = (names(from.allowed_commands().map(PackageCommand::name)), from.allowed_events());
    let events = names(events.map(SubmissionEventKind::name));
    let commands = if commands.is_empty() { String::new() } else { format!("{commands}, and ") };
    format!("{commands}the events {events}")
}

fn names(names: impl Iterator<Item = &'static str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
