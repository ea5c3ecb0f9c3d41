//! Tests of authentication and authorization through the public API of the crate.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate novantra_auth as auth;

mod accounts;
mod admission;
mod client_secrets;
mod credentials;
mod opaque_tokens;
mod openid;
mod passkeys;
mod roles;
mod secret_rotation;
mod signing_key_rotation;
mod signing_keys;
mod support;
mod tokens;
mod user_commands;
mod user_sessions;
mod users;
