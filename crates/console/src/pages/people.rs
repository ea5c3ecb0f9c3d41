//! The pages on which people sign in, prove who they are, and set their credentials.

mod demo;
pub(crate) mod enrollment;
mod link;
mod openid;
pub(crate) mod passkey;
mod passkey_answers;
pub(crate) mod recovery_codes;
mod second_factor;
pub(crate) mod session;
mod sign_in;
mod sign_out;

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use crate::page_operation::page_operation;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let public = |method, path, action, handler: Handler| Operation {
        handler,
        ..page_operation(method, path, Access::Public, action)
    };
    vec![
        public(Method::GET, "/app/sign-in", "user.sign_in_opened", sign_in::open),
        public(Method::POST, "/app/sign-in", "user.sign_in", sign_in::submit),
        public(Method::GET, "/app/sign-in/openid", "user.sign_in_opened", openid::start),
        public(Method::GET, "/app/sign-in/openid/callback", "user.sign_in", openid::callback),
        public(Method::POST, "/app/sign-in/passkey", "user.sign_in", passkey_answers::sign_in),
        public(Method::GET, "/app/second-factor", "user.sign_in_opened", second_factor::open),
        public(Method::POST, "/app/second-factor", "user.sign_in", second_factor::submit),
        public(Method::POST, "/app/second-factor/passkey", "user.sign_in", passkey_answers::second_step),
        public(Method::GET, "/app/set-up-second-factor", "user.sign_in_opened", enrollment::open),
        public(Method::POST, "/app/set-up-second-factor", "user.sign_in", enrollment::submit),
        public(Method::POST, "/app/set-up-second-factor/passkey", "user.sign_in", passkey_answers::enroll),
        public(Method::GET, "/app/setup/{token}", "user.link_opened", link::open),
        public(Method::POST, "/app/setup/{token}", "user.link_used", link::submit),
        Operation {
            handler: sign_out::submit,
            charge: Charge::Write,
            ..page_operation(Method::POST, "/app/sign-out", Access::SignedIn, "user.signed_out")
        },
    ]
}

/// Returns the endpoints that only the demo has.
pub(crate) fn demo_operations() -> Vec<Operation> {
    let of = |method, action, handler: Handler| Operation {
        handler,
        ..page_operation(method, "/app/demo/{token}", Access::Public, action)
    };
    vec![of(Method::GET, "user.link_opened", demo::open), of(Method::POST, "user.link_used", demo::submit)]
}
