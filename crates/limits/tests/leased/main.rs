//! Limits of an installation: its servers take slices of shared buckets.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod alone;
mod installation;
mod questions;
mod support;
