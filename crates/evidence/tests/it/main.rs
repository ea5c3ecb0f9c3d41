//! Tests of the rules of evidence through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_evidence as evidence;

mod creation;
mod errors;
mod files;
mod harness;
mod lifecycle;
mod records;
