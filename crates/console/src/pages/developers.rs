//! Developers: service accounts, rate limits, and the reference of the API.

mod account;
mod account_calls;
mod account_details;
mod account_findings;
mod account_limits;
mod account_log;
mod account_scopes;
mod account_secret;
mod account_state;
mod account_status;
mod credentials;
mod desk;
mod new_account;
mod rate_limits;
mod reference;
mod reference_endpoint;
mod reference_operation;
mod rotate;
mod scope_table;

use auth::Permission;
use http_api::{endpoints::Operation, request::Access};
use maud::Markup;

use crate::{
    components::tabs,
    page_operation::{form_at, page_at},
};

pub(super) use account::frame as account_frame;
pub(super) use desk::{Desk, Faults, problem_at, problem_of, problems};
pub(super) use new_account::read;
pub(super) use rotate::{grace, graces};

/// The address of the list of service accounts.
pub(crate) const CREDENTIALS: &str = "/app/developers/api/credentials";
/// The address of the list of subscriptions.
pub(crate) const WEBHOOKS: &str = "/app/developers/webhooks";
const RATE_LIMITS: &str = "/app/developers/api/limits";
const REFERENCE: &str = "/app/developers/api/reference";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let see = Access::Permission(Permission::ReadIntegrations);
    let manage = Access::Permission(Permission::ManageIntegrations);
    macro_rules! below {
        ($rest:literal) => {
            concat!("/app/developers/api/credentials", $rest)
        };
    }
    const OPENED: &str = "service_account.form_opened";
    vec![
        page_at(CREDENTIALS, see, "service_account.listed", credentials::handle),
        form_at(CREDENTIALS, manage, "service_account.created", new_account::submit),
        page_at(below!("/new"), manage, OPENED, new_account::open),
        form_at(below!("/new"), manage, "service_account.preset_chosen", new_account::choose_preset),
        page_at(below!("/{id}"), see, "service_account.read", account::handle),
        page_at(below!("/{id}/calls"), see, "service_account.calls_listed", account_log::calls),
        page_at(below!("/{id}/findings"), see, "service_account.findings_listed", account_findings::handle),
        page_at(below!("/{id}/changes"), see, "service_account.changes_listed", account_log::changes),
        page_at(below!("/{id}/secret"), manage, "service_account.secret_shown", account_secret::handle),
        page_at(below!("/{id}/rotate"), manage, OPENED, rotate::open),
        form_at(below!("/{id}/rotate"), manage, "service_account.rotated", rotate::submit),
        page_at(below!("/{id}/status"), manage, OPENED, account_status::open),
        form_at(below!("/{id}/status"), manage, "service_account.status_set", account_status::submit),
        page_at(below!("/{id}/scopes"), manage, OPENED, account_scopes::open),
        form_at(below!("/{id}/scopes"), manage, "service_account.scopes_set", account_scopes::submit),
        page_at(below!("/{id}/limits"), manage, OPENED, account_limits::open),
        form_at(below!("/{id}/limits"), manage, "service_account.limits_set", account_limits::submit),
        page_at(below!("/{id}/edit"), manage, OPENED, account_details::open),
        form_at(below!("/{id}/edit"), manage, "service_account.updated", account_details::submit),
        page_at(RATE_LIMITS, see, "rate_limits.read", rate_limits::handle),
        page_at(REFERENCE, Access::SignedIn, "reference.read", reference::index),
        page_at("/app/developers/api/reference/{tag}", Access::SignedIn, "reference.read", reference::tag),
    ]
}

/// The tabs of the section; `current` is the address of the page.
pub(super) fn developer_tabs(current: &str) -> Markup {
    let all = [
        (CREDENTIALS, "Credentials"),
        (WEBHOOKS, "Webhooks"),
        (RATE_LIMITS, "Rate limits"),
        (REFERENCE, "API reference"),
    ];
    tabs("Developers", &all, current)
}
