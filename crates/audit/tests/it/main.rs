//! Verification of the audit log, tested with generated histories and all kinds of tampering.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

extern crate novantra_audit as audit;

mod canonical;
mod checkpoints;
mod entries;
mod example;
mod filter;
mod growing_log;
mod log;
mod notes;
mod proofs;
mod removal;
mod stored;
mod tiles;
mod tlog_proofs;
mod verify;
mod witnesses;
