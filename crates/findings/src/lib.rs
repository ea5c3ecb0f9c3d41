//! Findings: something that is not as it should be, from the scan or review that found it to the day it is closed.
//!
//! Pure rules: a command and the present state in, a changeset or a refusal out.

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
