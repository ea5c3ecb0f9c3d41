//! The account of the person: what is set, with a way to change each.

use auth::StoredUser;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::UserSecurity;

use super::{appearance, passkeys, sessions};
use crate::{
    components::{Head, NONE, card, flash, form_token, heading, page},
    pages::{people::session::problem_of, viewer},
    response::page_response,
    viewer::Viewer,
    words::{counted, sentence},
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        let (organization, id) = (caller.user.meta.organization, caller.user.meta.id);
        let security = app.services.people.security(caller, organization, id).await.map_err(problem_of)?;
        let viewer = viewer(request)?;
        let done = done(request.query());
        let content = html! {
            @if let Some(done) = done { (flash(done)) }
            (heading("Your account", &html! { p { "Only you see and change this." } }, &NONE))
            div.split.even {
                div.stack {
                    (card("profile", "Profile", &html! { a href="/app/account/profile" { "Change your profile" } }, &profile(&viewer, &caller.user)))
                    (card("password", "Password", &html! { a href="/app/account/password" { "Change the password" } }, &password(&viewer, &security)))
                    (card("passkeys", "Passkeys", &html! { a href="/app/account/passkeys/new" { "Add a passkey…" } }, &passkeys::passkeys_table(&viewer, &security)))
                    (card("second-factor", "Second factor", &NONE, &second_factor(&viewer, &security)))
                    (card("sessions", "Where you are signed in", &others(&viewer, &security), &sessions::sessions_table(&viewer, &security.sessions, Some(caller.session.id))))
                }
                aside.aside aria-label="How pages look" { (card("look", "Appearance", &NONE, &appearance::body(&viewer))) }
            }
        };
        let head = Head { title: "Your account", ..Head::default() };
        Ok(page_response(StatusCode::OK, page(&viewer, &head, &content)))
    })
}

/// The words for what has just been done, by the query of the address.
fn done(query: &str) -> Option<&'static str> {
    match query.strip_prefix("done=")? {
        "profile" => Some("Your profile was saved."),
        "password" => Some("Your password was changed. All your other sessions have ended."),
        "second-factor-removed" => Some("Your second factor was removed."),
        "passkey-added" => Some("Your passkey was added. It signs you in from now on."),
        "passkey-renamed" => Some("Your passkey has its new name."),
        "passkey-removed" => Some("Your passkey was removed. All your other sessions have ended."),
        "session" => Some("The session has ended."),
        "sessions" => Some("All your other sessions have ended."),
        "appearance" => Some("Pages now look as you chose, in this browser."),
        _ => None,
    }
}

fn profile(viewer: &Viewer, user: &StoredUser) -> Markup {
    let record = &user.record;
    html! {
        div.body {
            dl.dl {
                dt { "Name" } dd { (record.name) }
                dt { "E-mail" } dd { (record.email) }
                dt { "Role" } dd { (sentence(record.role.name())) }
                dt { "Time zone" } dd {
                    (viewer.zone.name()) @if record.timezone.is_none() { ", that of the workspace" }
                }
            }
        }
    }
}

fn password(viewer: &Viewer, security: &UserSecurity) -> Markup {
    html! {
        div.body {
            p { @if let Some(at) = security.password_set_at { "Set " (viewer.zone.minute(at)) "." } @else { "None yet." } }
        }
    }
}

fn second_factor(viewer: &Viewer, security: &UserSecurity) -> Markup {
    html! {
        div.body {
            div.stack {
                @if let Some(since) = security.second_factor_since {
                    p { "An authenticator app, set up " (viewer.zone.minute(since)) ". " (codes_left(security)) }
                    div.actions {
                        a.btn href="/app/account/second-factor" { "Replace it…" }
                        a.btn href="/app/account/recovery-codes" { "New recovery codes…" }
                        @if !viewer.role.requires_second_factor() || !security.passkeys.is_empty() {
                            a.btn.danger href="/app/account/second-factor/remove" { "Remove it…" }
                        }
                    }
                } @else if !security.passkeys.is_empty() {
                    p { "Your passkeys, after the password. " (codes_left(security)) }
                    div.actions {
                        a.btn href="/app/account/second-factor" { "Add an authenticator app…" }
                        a.btn href="/app/account/recovery-codes" { "New recovery codes…" }
                    }
                } @else {
                    p { "None. With one, nobody signs in as you who only knows your password." }
                    div.actions { a.btn.primary href="/app/account/second-factor" { "Set up a second factor…" } }
                }
            }
        }
    }
}

/// The sentence about the recovery codes that are left.
fn codes_left(security: &UserSecurity) -> String {
    format!("{} left.", counted(security.recovery_codes_left, "recovery code is", "recovery codes are"))
}

/// The button that ends all sessions but this one, if there are others.
fn others(viewer: &Viewer, security: &UserSecurity) -> Markup {
    html! {
        @if security.sessions.len() > 1 {
            form method="post" action="/app/account/sessions" {
                (form_token(viewer))
                button.btn.sm name="session" value="others" { "End all others" }
            }
        }
    }
}
