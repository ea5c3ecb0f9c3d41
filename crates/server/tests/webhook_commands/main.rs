//! The webhook commands of the command line, with and against a real server.

#[path = "../support/mod.rs"]
mod support;

mod listening;
mod operating;
mod receiver;
mod station;
