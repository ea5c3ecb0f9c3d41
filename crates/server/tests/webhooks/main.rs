//! Webhooks of real servers, with failures of servers, databases and receivers.

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod isolation;
mod killing;
mod misbehaving;
mod outage;
mod receiver;
mod revoking;
mod sharing;
