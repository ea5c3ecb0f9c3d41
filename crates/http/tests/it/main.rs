//! Tests of the pipeline over the surfaces that the server has, and over one made for the tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod forms;
mod headers;
mod public_pages;
mod session_cookie;
mod sign_in;
mod support;
mod surfaces;
