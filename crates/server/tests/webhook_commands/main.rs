//! What the command line does with webhooks, beside and against a real server.

#[path = "../support/mod.rs"]
mod support;

mod listening;
mod operating;
mod receiver;
mod station;
