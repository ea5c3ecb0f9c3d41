//! Tests of the delivery workers with fake endpoints and a manual clock.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod authorization;
mod backlog;
mod concurrency;
mod disabling;
mod fake_endpoints;
mod harness;
mod order;
mod retries;
mod servers;
mod signing;
