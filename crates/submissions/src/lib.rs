//! Submissions: what an organization owes to regulators, certifiers and customers, the packages that it submits to them,
//! and the events by which a package comes back: receipts, decisions, resubmissions.
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error. Requirements and packages are registers, which bundles import; only an event changes the status of a package.

mod change;
mod error;
mod event;
mod lifecycle;
mod package;
mod record_event;
mod requirement;

pub use change::{EventRenderer, PackageChange, PackageChangeKind};
pub use error::SubmissionError;
pub use event::{SubmissionEvent, SubmissionEventKind};
pub use package::{SubmissionPackage, SubmissionPackageStatus};
pub use record_event::{NewSubmissionEvent, record_event};
pub use requirement::{SubmissionKind, SubmissionRequirement, SubmissionRequirementStatus};
