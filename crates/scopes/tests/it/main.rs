//! Tests of the catalogue of scopes and of their sets.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_scopes as scopes;

mod catalogue;
mod sets;
