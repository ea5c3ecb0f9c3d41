//! Support of the API tests: an API with a store, a clock and accounts, and a request builder.

mod document;
mod house;
mod keys;
mod request;
mod schema;
mod watched;
mod webhooks;

pub(crate) use document::{Operation, codes_of, document, examples_of, operations};
pub(crate) use house::{Client, House, finding_body, findings_path};
pub(crate) use request::{Answer, Call};
pub(crate) use schema::faults;
pub(crate) use watched::{Fault, Port};
pub(crate) use webhooks::{refused, subscriptions_path};
