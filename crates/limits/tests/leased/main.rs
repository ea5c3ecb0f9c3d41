//! Rate limits through the public API: the arithmetic of buckets, decisions, and the limits of an installation whose
//! servers lease calls from shared buckets.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod arithmetic;
mod buckets;
mod decisions;
mod exchanges;
mod installation;
mod recorded;
mod single_server;
mod support;
