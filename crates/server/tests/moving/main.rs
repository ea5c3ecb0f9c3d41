//! Moves of complete installations: to another database, into backups and out of them.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "../support/mod.rs"]
mod support;

mod backing_up;
mod copying;
mod dumping;
mod load;
