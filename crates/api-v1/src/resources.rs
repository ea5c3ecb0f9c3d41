//! The endpoints and the JSON representation of each kind of record, in one file each.

pub(crate) mod audit_entry;
pub(crate) mod control;
pub(crate) mod finding;
pub(crate) mod finding_batch;
pub(crate) mod finding_event;
pub(crate) mod organization;
pub(crate) mod token;
pub(crate) mod webhook_delivery;
pub(crate) mod webhook_event_type;
pub(crate) mod webhook_stream;
pub(crate) mod webhook_subscription;

pub use finding::PayloadRenderer;
