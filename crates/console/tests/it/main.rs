//! Tests of the web app from the browser's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assessments;
mod evidence;
mod findings;
mod frameworks;
mod lists;
mod roles;
mod submissions;
mod support;
mod account;
mod directory;
mod jump;
mod routes;
mod sign_in;
mod stored_scripts;
mod support;
mod workspace;
