//! The endpoints and the JSON representation of each kind of record, in one file each.

pub(crate) mod assessment;
pub(crate) mod attachment;
pub(crate) mod audit_entry;
pub(crate) mod audit_log;
pub(crate) mod custody;
pub(crate) mod evidence_claim;
pub(crate) mod finding;
pub(crate) mod finding_batch;
pub(crate) mod finding_event;
pub(crate) mod organization;
pub(crate) mod recorded_event;
pub(crate) mod submission_event;
pub(crate) mod token;
pub(crate) mod webhook_delivery;
pub(crate) mod webhook_event_type;
pub(crate) mod webhook_stream;
pub(crate) mod webhook_subscription;

use findings::{Finding, FindingEvent};
use kernel::Organization;
use submissions::{SubmissionEvent, SubmissionPackage};

use crate::record_view::{Parent, RecordView, parent};

impl RecordView for Organization {
    const EXAMPLE_NUMBER: u128 = 1;
}

impl RecordView for Finding {
    const EXAMPLE_NUMBER: u128 = 3;
}

impl RecordView for FindingEvent {
    const HAS_GET: bool = false;
    const PARENT: Option<Parent> = Some(parent::<Finding>("finding_id"));
    const EXAMPLE_NUMBER: u128 = 4;
}

impl RecordView for SubmissionEvent {
    const HAS_GET: bool = false;
    const PARENT: Option<Parent> = Some(parent::<SubmissionPackage>("submission_package_id"));
}
