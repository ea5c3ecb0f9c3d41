//! Tests of the object stores.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archive;
mod folder;
mod probes;
mod suite;
mod support;
