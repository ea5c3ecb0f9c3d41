//! Tests of the rules of findings through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_findings as findings;

mod batching;
mod bulk_transitions;
mod chains;
mod creating;
mod duplicates;
mod errors;
mod events;
mod harness;
mod lifecycle;
mod merging;
mod records;
mod updating;
