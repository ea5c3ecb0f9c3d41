//! Tests of the HTTP API from the client's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate novantra_http as api;

mod audit_log;
mod batch;
mod bounds;
mod conditional;
mod envelope;
mod finding_events;
mod findings;
mod idempotency;
mod isolation;
mod limits_of_calls;
mod openapi;
mod operations;
mod outbox;
mod pagination;
mod properties;
mod proxies;
mod signing_keys;
mod standing;
mod streams;
mod support;
mod token;
mod transitions;
mod webhooks;
