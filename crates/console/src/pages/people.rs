//! The pages on which people sign in, prove who they are, and set their credentials.

mod demo;
pub(crate) mod enrollment;
mod link;
pub(crate) mod openid;
pub(crate) mod passkey;
mod passkey_answers;
pub(crate) mod recovery_codes;
mod second_factor;
pub(crate) mod session;
mod sign_in;
mod sign_out;
mod unusable_link;

use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use crate::page_operation::{form_at, page_at};

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let open = |path, action, handler: Handler| page_at(path, Access::Public, action, handler);
    vec![
        open("/app/sign-in", "user.sign_in_opened", sign_in::open),
        public_form("/app/sign-in", "user.sign_in", sign_in::submit),
        open("/app/sign-in/openid", "user.sign_in_opened", openid::start),
        open("/app/sign-in/openid/callback", "user.sign_in", openid::callback),
        public_form("/app/sign-in/passkey", "user.sign_in", passkey_answers::sign_in),
        open("/app/second-factor", "user.sign_in_opened", second_factor::open),
        public_form("/app/second-factor", "user.sign_in", second_factor::submit),
        public_form("/app/second-factor/passkey", "user.sign_in", passkey_answers::second_step),
        open("/app/set-up-second-factor", "user.sign_in_opened", enrollment::open),
        public_form("/app/set-up-second-factor", "user.sign_in", enrollment::submit),
        public_form("/app/set-up-second-factor/passkey", "user.sign_in", passkey_answers::enroll),
        open("/app/setup/{token}", "user.link_opened", link::open),
        public_form("/app/setup/{token}", "user.link_used", link::submit),
        form_at("/app/sign-out", Access::SignedIn, "user.signed_out", sign_out::submit),
    ]
}

/// Returns the endpoints that only the demo has.
pub(crate) fn demo_operations() -> Vec<Operation> {
    let path = "/app/demo/{token}";
    vec![
        page_at(path, Access::Public, "user.link_opened", demo::open),
        public_form(path, "user.link_used", demo::submit),
    ]
}

/// Returns the declaration of a form of somebody who has not signed in. Its limits are those of addresses, not of writes.
fn public_form(path: &'static str, action: &'static str, handler: Handler) -> Operation {
    Operation { charge: Charge::Read, ..form_at(path, Access::Public, action, handler) }
}
