//! Tests of the rules of submissions through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_submissions as submissions;

mod errors;
mod events;
mod harness;
mod lifecycle;
mod preparation;
mod records;
mod sequences;
