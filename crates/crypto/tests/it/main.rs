//! The audit log's notes, proofs and tiles, verified by implementations that are not ours.

extern crate novantra_crypto as crypto;

mod guide_program;
mod independent;
mod log;
