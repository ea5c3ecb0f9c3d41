//! Tests of version 1 of the API from the client's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account_status;
mod attachments;
mod audit_log;
mod audit_proofs;
mod batch;
mod bodies;
mod conditional;
mod due_dates;
mod envelope;
mod evidence_claims;
mod faults;
mod finding_events;
mod findings;
mod idempotency;
mod isolation;
mod lists;
mod openapi;
mod operations;
mod outbox;
mod pagination;
mod properties;
mod proxies;
mod rate_limits;
mod registers;
mod signing_keys;
mod size_limits;
mod store_failures;
mod streams;
mod submissions;
mod support;
mod token;
mod transitions;
mod uncharged_calls;
mod unread_responses;
mod webhooks;
