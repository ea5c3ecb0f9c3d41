//! Tests of the web app from the browser's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod account_pages;
mod api_reference;
mod assessments;
mod audit_log;
mod audit_search;
mod credentials;
mod directory;
mod edit_conflicts;
mod evidence;
mod finding_pages;
mod findings;
mod frameworks;
mod jump;
mod lists;
mod new_claims;
mod overview;
mod passkeys;
mod proofs;
mod recorded_forms;
mod redirects;
mod references;
mod roles;
mod routes;
mod saved_views;
mod sign_in;
mod stored_scripts;
mod submissions;
mod support;
mod tables;
mod triage;
mod webhooks;
mod workspace;
