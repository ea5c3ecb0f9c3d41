//! The audit log as evidence, held against histories and tampering of every sort.

extern crate novantra_audit as audit;

mod canonical;
mod entries;
mod log;
mod stored;
mod verify;
