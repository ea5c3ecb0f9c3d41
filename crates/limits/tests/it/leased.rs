//! The limits of an installation whose servers lease calls from shared buckets.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod exchanges;
mod installation;
mod single_server;
mod support;
