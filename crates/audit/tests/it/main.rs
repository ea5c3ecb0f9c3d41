//! Verification of the audit log, tested with generated histories and all kinds of tampering.

extern crate novantra_audit as audit;

mod canonical;
mod checkpoints;
mod entries;
mod example;
mod filter;
mod growing_log;
mod log;
mod removal;
mod stored;
mod verify;
