//! Findings: problems that scans, reviews and people report, from their creation until they are closed.
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error.

mod batch;
mod create;
mod event;
mod finding;
mod lifecycle;
mod notice;
mod refusal;
mod report;
mod revise;

pub use batch::{BatchOutcome, OnConflict, batch};
pub use create::{NewFinding, create};
pub use event::{EventKind, FindingEvent, FindingEventFilter};
pub use finding::{Finding, FindingFilter, FindingSource, Severity, SourceKind, Status};
pub use notice::{Desk, Happened, Notice, NoticeRenderer, Tenant};
pub use refusal::Refusal;
pub use report::{NewEvent, originals, report};
pub use revise::{Revision, Set, revise};
