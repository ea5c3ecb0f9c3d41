//! Tests of the guarded client and of the delivery workers.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_delivery as delivery;

mod sender;
mod workers;
