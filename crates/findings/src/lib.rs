//! Findings: problems that scans, reviews and people report, from their creation until they are closed.
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error.

mod batch;
mod bulk_transition;
mod change;
mod create;
mod error;
mod event;
mod finding;
mod lifecycle;
mod record_event;
mod update;

pub use batch::{BatchOutcome, OnConflict, write_batch};
pub use bulk_transition::{BulkTransition, transition_batch};
pub use change::{EventRenderer, FindingChange, FindingChangeKind};
pub use create::{NewFinding, create};
pub use error::FindingError;
pub use event::{EventKind, FindingEvent, FindingEventFilter};
pub use finding::{Finding, FindingFilter, FindingSource, SourceKind, Status};
pub use kernel::Severity;
pub use record_event::{NewFindingEvent, load_duplicate_chain, record_event};
pub use update::{FindingPatch, update};
