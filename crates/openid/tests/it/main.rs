//! The client of a provider against one on this machine that misbehaves in each way.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod fake_provider;
mod refusals;
mod sign_in;
