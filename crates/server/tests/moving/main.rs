//! Installations that move as wholes: to another database, into backups and out of them.

#![allow(clippy::unwrap_used, reason = "tests fail by panics")]

#[path = "../support/mod.rs"]
mod support;

mod backing_up;
mod copying;
mod dumping;
mod load;
