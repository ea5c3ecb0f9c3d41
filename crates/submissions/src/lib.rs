//! Submissions: what an organization owes to regulators, certifiers and customers, the packages that it submits to them,
//! and the events by which a package comes back: receipts, decisions, resubmissions.
//!
//! This crate holds pure rules: functions that take a command and the current state, and return a changeset or an
//! error. Requirements and packages are registers, which bundles import; the status of a package is changed by commands
//! until it is ready, and by events from then on.

mod change;
mod error;
mod event;
mod lifecycle;
mod package;
mod package_command;
mod prepare_package;
mod record_event;
mod requirement;

pub use change::{EventRenderer, PackageChange, PackageChangeKind};
pub use error::{PreparationError, SubmissionError};
pub use event::{SubmissionEvent, SubmissionEventKind};
pub use package::{SubmissionPackage, SubmissionPackageStatus};
pub use package_command::PackageCommand;
pub use prepare_package::prepare_package;
pub use record_event::{NewSubmissionEvent, record_event};
pub use requirement::{SubmissionKind, SubmissionRequirement, SubmissionRequirementStatus};
