//! Tests of the registers through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_registers as registers;

mod assessments;
mod controls;
mod coverage_targets;
mod harness;
mod synchronizing;
