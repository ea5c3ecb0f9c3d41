//! Tests of the ceremonies, with the vectors of the standard and with an authenticator in software.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod ceremonies;
mod malformed;
mod vectors;

use novantra_webauthn::{NewCredential, RegisteredCredential, RelyingParty, UserEntity};
use serde_json::Value;

const ORIGIN: &str = "https://grc.example.org";
const PARTY: &str = "grc.example.org";
const CHALLENGE: &[u8] = b"a challenge of 32 bytes or more.";

fn party() -> RelyingParty {
    RelyingParty::at(ORIGIN).unwrap()
}

fn creation_options() -> Value {
    let user = UserEntity { handle: b"handle", name: "m@brackwater.example", display_name: "Morgan" };
    novantra_webauthn::creation_options(&party(), CHALLENGE, user, &[])
}

fn request_options() -> Value {
    novantra_webauthn::request_options(&party(), CHALLENGE, &[])
}

fn registered(credential: &NewCredential) -> RegisteredCredential<'_> {
    RegisteredCredential {
        id: &credential.id,
        public_key: &credential.public_key,
        sign_count: credential.sign_count,
        is_backup_eligible: credential.is_backup_eligible,
    }
}
