//! One table for each kind of record.

mod control;
mod finding;
mod finding_event;
mod organization;
mod service_account;
mod subject;
