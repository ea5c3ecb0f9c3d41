//! Support of the API tests: an API with a store, a clock and accounts, and a request builder.

mod contents;
mod document;
mod keys;
mod log;
mod request;
mod schema;
mod store_probe;
mod test_api;
mod time;
mod webhooks;

pub(crate) use contents::ContentFault;
pub(crate) use document::{Operation, body_examples, document, error_codes, operations};
pub(crate) use request::{TestRequest, TestResponse};
pub(crate) use schema::violations;
pub(crate) use store_memory::Call;
pub(crate) use store_probe::Fault;
pub(crate) use test_api::{Client, MAX_ATTACHMENT_BYTES, TestApi, finding_body, findings_path};
pub(crate) use time::pass_time;
pub(crate) use webhooks::{refused_outcome, subscriptions_path};
