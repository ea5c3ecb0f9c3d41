//! The account of a person, as they set it themselves: their profile, password, second factor, passkeys,
//! sessions, and how pages look.

mod appearance;
mod overview;
mod passkeys;
mod password;
mod profile;
mod recovery_codes;
mod second_factor;
mod sessions;

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use crate::{components::Head, page_operation::page_operation};

pub(super) use profile::{time_zone, time_zones};
pub(super) use sessions::sessions_table;

/// The address of the section.
const SECTION: &str = "/app/account";

/// The pages above those of the section.
const ABOVE: &[(&str, &str)] = &[("Your account", SECTION)];

/// Returns the endpoints. Everybody who has signed in may use them, for themselves.
pub(crate) fn operations() -> Vec<Operation> {
    let of = |method, path, action, handler: Handler| Operation {
        handler,
        charge: if method == Method::GET { Charge::Read } else { Charge::Write },
        ..page_operation(method, path, Access::SignedIn, action)
    };
    let opened = "user.form_opened";
    vec![
        of(Method::GET, SECTION, "user.account_opened", overview::handle),
        of(Method::GET, "/app/account/profile", opened, profile::open),
        of(Method::POST, "/app/account/profile", "user.updated", profile::submit),
        of(Method::GET, "/app/account/password", opened, password::open),
        of(Method::POST, "/app/account/password", "user.password_changed", password::submit),
        of(Method::GET, "/app/account/second-factor", opened, second_factor::open),
        of(Method::POST, "/app/account/second-factor", "user.second_factor_enrolled", second_factor::submit),
        of(Method::GET, "/app/account/second-factor/remove", opened, second_factor::open_removal),
        of(Method::POST, "/app/account/second-factor/remove", "user.second_factor_removed", second_factor::remove),
        of(Method::GET, "/app/account/recovery-codes", opened, recovery_codes::open),
        of(Method::POST, "/app/account/recovery-codes", "user.recovery_codes_replaced", recovery_codes::submit),
        of(Method::GET, "/app/account/passkeys/new", opened, passkeys::open),
        of(Method::POST, "/app/account/passkeys/new", "user.passkey_added", passkeys::submit),
        of(Method::GET, "/app/account/passkeys/{id}", opened, passkeys::open_name),
        of(Method::POST, "/app/account/passkeys/{id}", "user.passkey_renamed", passkeys::rename),
        of(Method::GET, "/app/account/passkeys/{id}/remove", opened, passkeys::open_removal),
        of(Method::POST, "/app/account/passkeys/{id}/remove", "user.passkey_removed", passkeys::remove),
        of(Method::POST, "/app/account/sessions", "session.revoked", sessions::submit),
        of(Method::POST, "/app/account/appearance", "user.appearance_set", appearance::submit),
    ]
}

/// The head of a page of the section with one column.
const fn head(title: &str, has_problem: bool) -> Head<'_> {
    Head { title, section: "", above: ABOVE, has_problem, is_narrow: true }
}
