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

use http_api::{endpoints::Operation, request::Access};

use crate::{
    components::Head,
    page_operation::{form_at, page_at},
};

pub(super) use profile::{time_zone, time_zones};
pub(super) use sessions::sessions_table;

/// The address of the section.
const SECTION: &str = "/app/account";

/// The pages above those of the section.
const ABOVE: &[(&str, &str)] = &[("Your account", SECTION)];

/// Returns the endpoints. Everybody who has signed in may use them, for themselves.
pub(crate) fn operations() -> Vec<Operation> {
    let access = Access::SignedIn;
    let opened = "user.form_opened";
    vec![
        page_at(SECTION, access, "user.account_opened", overview::handle),
        page_at("/app/account/profile", access, opened, profile::open),
        form_at("/app/account/profile", access, "user.updated", profile::submit),
        page_at("/app/account/password", access, opened, password::open),
        form_at("/app/account/password", access, "user.password_changed", password::submit),
        page_at("/app/account/second-factor", access, opened, second_factor::open),
        form_at("/app/account/second-factor", access, "user.second_factor_enrolled", second_factor::submit),
        page_at("/app/account/second-factor/remove", access, opened, second_factor::open_removal),
        form_at("/app/account/second-factor/remove", access, "user.second_factor_removed", second_factor::remove),
        page_at("/app/account/recovery-codes", access, opened, recovery_codes::open),
        form_at("/app/account/recovery-codes", access, "user.recovery_codes_replaced", recovery_codes::submit),
        page_at(recovery_codes::SHOWN, access, "user.recovery_codes_shown", recovery_codes::shown),
        page_at("/app/account/passkeys/new", access, opened, passkeys::open),
        form_at("/app/account/passkeys/new", access, "user.passkey_added", passkeys::submit),
        page_at("/app/account/passkeys/{id}", access, opened, passkeys::open_name),
        form_at("/app/account/passkeys/{id}", access, "user.passkey_renamed", passkeys::rename),
        page_at("/app/account/passkeys/{id}/remove", access, opened, passkeys::open_removal),
        form_at("/app/account/passkeys/{id}/remove", access, "user.passkey_removed", passkeys::remove),
        form_at("/app/account/sessions", access, "session.revoked", sessions::submit),
        form_at("/app/account/appearance", access, "user.appearance_set", appearance::submit),
    ]
}

/// The head of a page of the section with one column.
const fn head(title: &str, has_problem: bool) -> Head<'_> {
    Head { title, section: "", above: ABOVE, has_problem, is_narrow: true }
}
