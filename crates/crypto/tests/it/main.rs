//! The audit log's notes, proofs and tiles, verified by implementations that are not ours.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

extern crate novantra_crypto as crypto;

mod guide_program;
mod independent;
mod log;
mod old_export;
