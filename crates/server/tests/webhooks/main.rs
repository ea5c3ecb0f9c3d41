//! Webhooks of real servers, and what may befall them and those they are sent to.

#[path = "../support/mod.rs"]
mod support;

mod isolation;
mod killing;
mod misbehaving;
mod outage;
mod receiver;
mod revoking;
mod sharing;
mod stage;
