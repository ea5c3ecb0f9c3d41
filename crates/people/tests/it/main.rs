//! Tests of the use cases of people, over the store in memory.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod back_off;
mod harness;
mod links;
mod management;
mod openid;
mod openid_harness;
mod own_account;
mod own_passkeys;
mod passkey_harness;
mod passkey_sign_in;
mod saved_views;
mod second_factor;
mod sessions;
mod sign_in;
mod trusted_devices;
