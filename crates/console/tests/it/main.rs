//! Tests of the web app from the browser's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod directory;
mod jump;
mod routes;
mod sign_in;
mod stored_scripts;
mod support;
mod workspace;
