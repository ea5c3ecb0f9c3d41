//! Tests of rate limits through the public API of the crate.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod arithmetic;
mod buckets;
mod decisions;
mod leased;
