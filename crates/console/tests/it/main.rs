//! Tests of the web app from the browser's side, over the in-memory store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assessments;
mod evidence;
mod findings;
mod frameworks;
mod lists;
mod references;
mod roles;
mod saved_views;
mod submissions;
mod support;
