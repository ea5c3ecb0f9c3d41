//! Tests of the rules of webhooks through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_webhooks as webhooks;

mod attempts;
mod deliveries;
mod endpoints;
mod events;
mod filters;
mod harness;
mod recovering;
mod secrets;
mod subscribing;
mod subscriptions;
