//! Tests of the suites themselves.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod buckets_in_memory;
mod the_list_is_complete;
