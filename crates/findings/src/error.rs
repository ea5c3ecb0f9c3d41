//! Errors of commands on findings.

use kernel::FieldError;

use crate::{event::EventKind, finding::Status};

/// The reason why a command on a finding is rejected. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindingError {
    /// Fields of the command are invalid or refer to records that do not exist.
    #[error("the request is invalid")]
    Invalid(Vec<FieldError>),
    /// The lifecycle does not allow the transition.
    #[error(
        "a finding with status {} can't become {}; allowed from here: {}",
        .from.name(), .to.name(), names(.from.allowed_next())
    )]
    Transition {
        /// The current status.
        from: Status,
        /// The requested status.
        to: Status,
    },
    /// The event can't be reported in the current status.
    #[error(
        "{} can't be reported for a finding with status {}; allowed from: {}",
        .event.name(), .from.name(), names(.allowed)
    )]
    Event {
        /// The reported event.
        event: EventKind,
        /// The current status.
        from: Status,
        /// The statuses in which the event can be reported.
        allowed: &'static [Status],
    },
}

fn names(statuses: &[Status]) -> String {
    if statuses.is_empty() {
        return "nothing".to_owned();
    }
    statuses.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ")
}
