//! Events on their way to endpoints that do as they are told, by a clock that tests move.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod backlog;
mod disabling;
mod order;
mod script;
mod servers;
mod signing;
mod standing;
mod timeline;
mod width;
mod workshop;
