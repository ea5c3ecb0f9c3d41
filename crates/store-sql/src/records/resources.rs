//! The table of each kind of record.

mod control;
mod finding;
mod finding_event;
mod organization;
mod service_account;
mod subject;
mod webhook_delivery;
mod webhook_subscription;

pub(crate) use webhook_delivery::attempts_text;
