//! Verification of the audit log, tested with generated histories and all kinds of tampering.

extern crate novantra_audit as audit;

mod canonical;
mod entries;
mod log;
mod stored;
mod verify;
