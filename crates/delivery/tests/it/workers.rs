//! Tests of the delivery workers with fake endpoints and a manual clock.

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
