//! The rules of findings, from the outside: commands and states in, changesets and refusals out.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

extern crate novantra_findings as findings;

mod batching;
mod changing;
mod desk;
mod duplicates;
mod events;
mod lifecycle;
