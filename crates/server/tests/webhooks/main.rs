//! Webhooks of real servers, with failures of servers, databases and receivers.

#[path = "../support/mod.rs"]
mod support;

mod actions;
mod assessments;
mod evidence;
mod isolation;
mod kills;
mod misbehaving_receivers;
mod outage;
mod receiver;
mod revoked_access;
mod sharing;
mod submissions;
