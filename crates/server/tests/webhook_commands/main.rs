//! The webhook commands of the command line, with and against a real server.

#[path = "../support/mod.rs"]
mod support;

mod fake_event_server;
mod listening;
mod operating;
mod receiver;
