//! Tests of the buckets in Redis.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod absence;
mod contract;
