//! The form that creates a service account.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::{IntegrationError, NewAccount};
use kernel::{Email, TitleRule};
use maud::{Markup, html};
use scopes::ScopeSet;

use super::{
    CREDENTIALS, Desk,
    desk::{Faults, problem_at, problem_of, problems},
    scope_table::{preset_scopes, presets, scope_table},
};
use crate::{
    components::{Field, Head, Icon, NONE, card, form_token, heading, page, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_value, query_values, with_typed},
        one_time_secret,
    },
    response::{page_response, redirect},
    text_fault::parse_text,
    words::grouped,
    zone::Zone,
};

const LABELS: [(&str, &str); 5] = [
    ("name", "Name"),
    ("contact", "Contact e-mail"),
    ("expires", "Last day"),
    ("scopes", "Scopes"),
    ("reason", "Reason"),
];

/// The address of the form.
const NEW: &str = "/app/developers/api/credentials/new";

/// The fields that are typed.
const TYPED: [&str; 4] = ["name", "contact", "expires", "reason"];

/// The content of the form.
struct View<'v> {
    name: &'v str,
    contact: &'v str,
    expires: &'v str,
    reason: &'v str,
    scopes: ScopeSet,
    preset: &'v str,
    faults: Faults,
}

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let text = |name: &str| query_value(request, name).unwrap_or_default();
        let (preset, [name, contact, expires, reason]) = (text("preset"), TYPED.map(text));
        let scopes = query_values(request, "scope").iter().filter_map(|name| name.parse().ok()).collect();
        let view = View {
            name: &name,
            contact: &contact,
            expires: &expires,
            reason: &reason,
            scopes: if preset.is_empty() { scopes } else { preset_scopes(&preset) },
            preset: &preset,
            faults: Faults::new(),
        };
        Ok(page_response(StatusCode::OK, form(&desk, &view)))
    })
}

/// Handles the form when a preset is chosen: opens it with the scopes of that, and with what was typed.
pub(super) fn choose_preset<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        let [name, contact, expires, reason] = TYPED;
        Ok(redirect(&with_typed(request, NEW, &[name, contact, expires, reason, "preset"])))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let texts = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, NEW).await? {
            return Ok(asked);
        }
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        let mut faults = Faults::new();
        let name = read(&mut faults, "name", parse_text::<TitleRule>(text("name")));
        let contact = read(&mut faults, "contact", optional(text("contact"), Email::parse));
        let expires =
            read(&mut faults, "expires", optional(text("expires"), |text| desk.viewer.zone.parse_end_of_day(text)));
        if let Some(Some(expiry)) = expires
            && expiry <= desk.now
        {
            faults.insert("expires", "is in the past: enter a later date.".to_owned());
        }
        let scopes: ScopeSet = desk.values("scope").iter().filter_map(|name| name.parse().ok()).collect();
        if scopes.is_empty() {
            faults.insert("scopes", "are missing: tick at least one.".to_owned());
        }
        let reason = read(&mut faults, "reason", texts.reason());
        let view = View {
            name: text("name"),
            contact: text("contact"),
            expires: text("expires"),
            reason: text("reason"),
            scopes,
            preset: "",
            faults,
        };
        let (Some(name), Some(contact), Some(expires_at), Some(reason), true) =
            (name, contact, expires, reason, view.faults.is_empty())
        else {
            return Ok(page_response(StatusCode::BAD_REQUEST, form(&desk, &view)));
        };
        let new = NewAccount { name, contact, scopes, expires_at };
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        match desk.integrations.create_account(&author, organization, &new).await {
            Ok((account, secret)) => {
                let path = format!("{CREDENTIALS}/{}/secret", account.meta.id);
                Ok(one_time_secret::show_at(app, request, &path, secret.expose())?.recorded())
            }
            Err(IntegrationError::NameTaken(name)) => {
                let taken = format!("“{name}” is taken by another service account. Choose another name.");
                let view = View { faults: Faults::from([("name", taken)]), ..view };
                Ok(page_response(StatusCode::CONFLICT, form(&desk, &view)))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// Returns the value that was read, or adds what is wrong with it.
pub(in crate::pages) fn read<T>(faults: &mut Faults, field: &'static str, read: Result<T, String>) -> Option<T> {
    read.map_err(|message| faults.insert(field, message)).ok()
}

/// Reads a text that may be left empty.
pub(super) fn optional<T, E: std::fmt::Display>(
    text: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some).map_err(|error| error.to_string()) }
}

/// The fields that say whom an account belongs to and how long it lasts.
pub(super) fn details(zone: &Zone, problems: &[(String, String)], contact: &str, expires: &str) -> Markup {
    let fault = |name: &str| problem_at(problems, name);
    let last_day = format!(
        "It works until this day ends in {}. Then it gets no token, and tokens it holds stop working.",
        zone.name()
    );
    html! {
        (Field {
            name: "contact",
            label: "Contact e-mail",
            hint: "Who is asked when it misbehaves or is about to expire.",
            error: fault("contact"),
            optional: true,
        }.input("email", "", contact))
        (Field {
            name: "expires",
            label: "Last day",
            hint: &last_day,
            error: fault("expires"),
            optional: true,
        }.input("date", "short", expires))
    }
}

fn form(desk: &Desk<'_>, view: &View<'_>) -> Markup {
    let problems = problems(&view.faults, &LABELS);
    let fault = |name: &str| problem_at(&problems, name);
    let content = html! {
        (heading("New service account", &NONE, &NONE))
        div.split.even {
            form.form method="post" action=(CREDENTIALS) novalidate data-guard {
                (form_token(&desk.viewer))
                // The first button of a form is the one that Enter in a field presses.
                button.vh tabindex="-1" aria-hidden="true" { "Create" }
                (problem_summary(&problems))
                section {
                    div.sec { h2 { "What it is" } }
                    (Field {
                        name: "name",
                        label: "Name",
                        hint: "Shown in the audit log beside every call, so name the system, not the person.",
                        error: fault("name"),
                        optional: false,
                    }.input("text", "", view.name))
                    (details(&desk.viewer.zone, &problems, view.contact, view.expires))
                }
                section {
                    div.sec {
                        h2 { "What it may do" }
                        p { "Give it the least it needs. You can change this later, and a removal acts on its next call." }
                    }
                    (presets(NEW, view.preset))
                    (scope_table(view.scopes, fault("scopes")))
                }
                section { (reason(view.reason, fault("reason"))) }
                (submit_bar("Create and show the secret", CREDENTIALS))
            }
            aside.aside.stay aria-label="Summary" { (summary(desk)) }
        }
    };
    let head = Head {
        title: "New service account",
        section: CREDENTIALS,
        above: &[("Credentials", CREDENTIALS)],
        has_problem: !problems.is_empty(),
        ..Head::default()
    };
    page(&desk.viewer, &head, &content)
}

fn summary(desk: &Desk<'_>) -> Markup {
    let quotas = desk.app.services.settings.quotas;
    let minutes = token_minutes(desk);
    html! {
        (card("next", "What happens next", &NONE, &html! {
            div.body {
                ol.tl.small {
                    li { span.dot.accent { (Icon::Key) } div { b { "The secret is shown once." } " Have your secret store open." } }
                    li { span.dot { (Icon::Lock) } div { "The program trades id and secret for a " b { "token of " (minutes) " minutes" } ", and calls the API with that." } }
                    li { span.dot { (Icon::AuditLog) } div { "Every call it makes, refused ones too, is in the audit log under its name." } }
                    li { span.dot { (Icon::Disable) } div { "Disabling it works on its next call." } }
                }
            }
        }))
        (card("never", "What no scope allows", &NONE, &html! {
            div.body { p.small { "Managing people, roles, other accounts or backups, deleting in bulk, or seeing another workspace." } }
        }))
        (card("limits", "Limits", &NONE, &html! {
            div.body {
                dl.dl {
                    dt { "Reads" } dd { (grouped(quotas.token_read.into())) " a minute" }
                    dt { "Writes" } dd { (grouped(quotas.token_write.into())) " a minute, a batch of 500 counts as one" }
                    dt { "Token" } dd { (minutes) " minutes" }
                }
            }
        }))
    }
}

/// The lifetime of access tokens in minutes.
pub(super) fn token_minutes(desk: &Desk<'_>) -> u64 {
    let services = &desk.app.services;
    services.settings.token_lifetime.expiry(desk.now, None).since(desk.now).as_secs() / 60
}
