//! Tests of the delivery workers with fake endpoints and a manual clock.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod backlog;
mod disabling;
mod order;
mod script;
mod servers;
mod signing;
mod standing;
mod timeline;
mod width;
mod workshop;
