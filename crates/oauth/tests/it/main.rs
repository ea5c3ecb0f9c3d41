//! Tests of the OAuth core through its public API.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_oauth as oauth;

mod authorization;
mod clients;
mod consent;
mod documents;
mod flows;
mod memory;
mod redirect_uris;
mod requests;
mod support;
mod values;
