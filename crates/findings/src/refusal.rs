//! Why a command about findings is refused.

use kernel::Invalid;

use crate::{event::EventKind, finding::Status};

/// Why a command is refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was asked for makes no sense by itself or names something that is not there.
    #[error("not valid")]
    Invalid(Vec<Invalid>),
    /// The present status does not lead to the one asked for.
    #[error("a finding that is {} can't become {}; allowed from here: {}", .from.name(), .to.name(), words(.from.next()))]
    Transition {
        /// Where the finding stands.
        from: Status,
        /// Where it was to go.
        to: Status,
    },
    /// The event can't be reported in the present status.
    #[error("{} can't be reported of a finding that is {}; allowed from: {}", .event.name(), .from.name(), words(.allowed))]
    Event {
        /// What was to be reported.
        event: EventKind,
        /// Where the finding stands.
        from: Status,
        /// Where it would have to stand.
        allowed: &'static [Status],
    },
}

fn words(statuses: &[Status]) -> String {
    if statuses.is_empty() {
        return "nothing".to_owned();
    }
    statuses.iter().map(|status| status.name()).collect::<Vec<_>>().join(", ")
}
