//! Tests of the limits of an installation.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod leased;
