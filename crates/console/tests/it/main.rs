//! Tests of the web app from the browser's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api_reference;
mod audit_log;
mod credentials;
mod support;
mod webhooks;
