//! The passkeys of a person: added, renamed, removed.

use std::net::SocketAddr;

use auth::{Passkey, PasskeyId};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{PasskeyForm, PeopleError, UserSecurity};

use super::{SECTION, head, recovery_codes};
use crate::{
    components::{ANSWER, Field, NONE, TableColumn, Tone, form_token, heading, note, page, problem_summary, table},
    pages::{
        confirm_password::proof_first,
        form_texts::FormTexts,
        people::{
            passkey::{creation, problems, relying_party, required_party},
            session::{client, problem_of, with_device, with_session},
        },
        viewer,
    },
    response::{page_response, redirect},
    viewer::Viewer,
};

/// The address of the form that adds one.
const ADD: &str = "/app/account/passkeys/new";

/// Handles the request for the form that adds a passkey.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let page = form(app, request, "", &[]).await?;
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form that adds a passkey.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, ADD).await? {
            return Ok(asked);
        }
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let caller = &request.principal()?.user()?.caller;
        let (party, people) = (required_party(app, request)?, &app.services.people);
        let passkey = PasskeyForm { response: text(ANSWER), name: text("name") };
        match people.add_passkey(caller, &party, passkey, &client(request)).await {
            Ok(enrolled) => {
                let response = match enrolled.recovery_codes.is_empty() {
                    true => redirect(&format!("{SECTION}?done=passkey-added")),
                    false => {
                        let session = &enrolled.begun.session.session;
                        recovery_codes::response(app, &enrolled.recovery_codes, session)
                    }
                };
                Ok(with_session(app, response, &enrolled.begun).recorded())
            }
            Err(PeopleError::Invalid(faults)) => {
                let page = form(app, request, text("name"), &problems(&faults)).await?;
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

async fn form(app: &App, request: &ApiRequest, name: &str, problems: &[(String, String)]) -> Result<Markup, Problem> {
    let caller = &request.principal()?.user()?.caller;
    caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
    let viewer = viewer(request)?;
    let title = "Add a passkey";
    let below =
        html! { p { "Sign in with your fingerprint, your face, a PIN or a security key, without your password." } };
    let body = match relying_party(app, request) {
        Some(party) => {
            let asked = app.services.people.passkey_registration(&caller.user, &caller.session, &party).await;
            let options = asked.map_err(problem_of)?;
            let hidden = html! { (form_token(&viewer)) };
            creation(ADD, &options, &hidden, name, problems)
        }
        None => no_passkeys_here(app, request),
    };
    let content = html! {
        (heading(title, &below, &NONE))
        (problem_summary(problems))
        (body)
        p { a href=(SECTION) { "Back to your account" } }
    };
    Ok(page(&viewer, &head(title, !problems.is_empty()), &content))
}

/// The notice at an address at which browsers offer no passkeys. On the machine of the server, a name of it works.
fn no_passkeys_here(app: &App, request: &ApiRequest) -> Markup {
    let lead = "Passkeys do not work at this address.";
    let scheme = if app.services.settings.session_cookie.suffix().is_empty() { "http" } else { "https" };
    match named_loopback(request.host()) {
        Some(host) => html! {
            (note(Tone::Information, lead, "Browsers offer them only for a name, not for the number of an address."))
            p { "On this machine, the server has one: " a href={ (scheme) "://" (host) (ADD) } { "add the passkey at " (host) } ". You sign in there once more." }
        },
        None => note(
            Tone::Information,
            lead,
            "Browsers offer them only where the server is reached by a name over HTTPS. An administrator of the server can \
             set its public URL.",
        ),
    }
}

/// The name and the port of a server that was reached by a loopback address.
fn named_loopback(host: &str) -> Option<String> {
    let address: SocketAddr = match host.parse() {
        Ok(address) => address,
        Err(_) => SocketAddr::new(host.trim_matches(['[', ']']).parse().ok()?, 80),
    };
    let port = if address.port() == 80 { String::new() } else { format!(":{}", address.port()) };
    address.ip().is_loopback().then(|| format!("localhost{port}"))
}

/// Handles the request for the form that renames a passkey.
pub(super) fn open_name<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let passkey = requested(app, request).await?;
        Ok(page_response(StatusCode::OK, name_form(&viewer(request)?, &passkey, passkey.name.as_str(), None)))
    })
}

/// Handles the form that renames a passkey.
pub(super) fn rename<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        let passkey = requested(app, request).await?;
        let name = texts.get("name").map_or("", String::as_str);
        let caller = &request.principal()?.user()?.caller;
        match app.services.people.rename_passkey(caller, passkey.id, name, &client(request)).await {
            Ok(()) => Ok(redirect(&format!("{SECTION}?done=passkey-renamed")).recorded()),
            Err(PeopleError::Invalid(faults)) => {
                let problem = problems(&faults).into_iter().next().map(|(_, message)| message);
                let page = name_form(&viewer(request)?, &passkey, name, problem.as_deref());
                Ok(page_response(StatusCode::BAD_REQUEST, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// Handles the request for the page that asks whether a passkey is to be removed.
pub(super) fn open_removal<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let passkey = requested(app, request).await?;
        request.principal()?.user()?.caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        let is_last = is_last_factor(app, request).await?;
        Ok(page_response(StatusCode::OK, removal(&viewer(request)?, &passkey, is_last)))
    })
}

/// Handles the form that removes a passkey.
pub(super) fn remove<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let id: PasskeyId = request.path_id()?;
        let caller = &request.principal()?.user()?.caller;
        let removed = app.services.people.remove_passkey(caller, id, &client(request)).await;
        let response = redirect(&format!("{SECTION}?done=passkey-removed"));
        Ok(with_device(app, response, &removed.map_err(problem_of)?).recorded())
    })
}

async fn requested(app: &App, request: &ApiRequest) -> Result<Passkey, Problem> {
    let caller = &request.principal()?.user()?.caller;
    match app.services.people.passkey(caller, request.path_id()?).await {
        // A person without a password has no passkey, either.
        Err(PeopleError::Denied(_)) => Err(Problem::not_found()),
        passkey => passkey.map_err(problem_of),
    }
}

/// Whether the person has no second factor but one passkey.
async fn is_last_factor(app: &App, request: &ApiRequest) -> Result<bool, Problem> {
    let caller = &request.principal()?.user()?.caller;
    let (organization, id) = (caller.user.meta.organization, caller.user.meta.id);
    let security = app.services.people.security(caller, organization, id).await.map_err(problem_of)?;
    Ok(security.second_factor_since.is_none() && security.passkeys.len() == 1)
}

fn name_form(viewer: &Viewer, passkey: &Passkey, name: &str, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| ("name".to_owned(), problem.to_owned())).collect();
    let title = "Rename the passkey";
    let content = html! {
        (heading(title, &NONE, &NONE))
        form.form method="post" action={ "/app/account/passkeys/" (passkey.id) } novalidate data-guard {
            (form_token(viewer))
            (problem_summary(&problems))
            section { (Field { name: "name", label: "Name", error: problem, ..Field::default() }.input("text", "short", name)) }
            div.save {
                button.btn.primary { "Save the name" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, problem.is_some()), &content)
}

fn removal(viewer: &Viewer, passkey: &Passkey, is_last: bool) -> Markup {
    let title = "Remove the passkey";
    let is_kept = is_last && viewer.role.requires_second_factor();
    let below = html! {
        p { "The passkey “" (passkey.name) "” does not sign you in any more, and your other sessions end. Delete it from the device or the password manager, too." }
    };
    let content = html! {
        (heading(title, &below, &NONE))
        @if is_kept {
            (note(Tone::Warning, "This is your only second factor, and your role requires one.", "Add another passkey or an authenticator app first."))
            p { a href=(SECTION) { "Back to your account" } }
        } @else {
            @if is_last { (note(Tone::Warning, "This is your only second factor.", "Without it, whoever knows your password signs in as you. Your recovery codes stop working.")) }
            form.form method="post" action={ "/app/account/passkeys/" (passkey.id) "/remove" } {
                (form_token(viewer))
                div.save {
                    button.btn.danger-fill { "Remove the passkey" }
                    a.btn.quiet href=(SECTION) { "Cancel" }
                }
            }
        }
    };
    page(viewer, &head(title, false), &content)
}

/// The passkeys in a table, with what can be done with each.
pub(super) fn passkeys_table(viewer: &Viewer, security: &UserSecurity) -> Markup {
    let column = |title: &'static str, class| TableColumn { title: title.into(), class };
    let columns = [column("Name", "p"), column("Added", "t2"), column("Last used", ""), column("Change it", "num")];
    let rows = html! {
        @for passkey in &security.passkeys {
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    (passkey.name)
                    @if passkey.is_backup_eligible { span.sub { "On all your devices" } } @else { span.sub { "On one device" } }
                }
                td.t2 role="cell" data-l="Added" { span.nowrap { (viewer.zone.minute(passkey.created_at)) } }
                td role="cell" data-l="Last used" {
                    @if let Some(at) = passkey.last_used_at { span.nowrap { (viewer.zone.minute(at)) } } @else { "Never" }
                }
                td.num role="cell" {
                    a href={ "/app/account/passkeys/" (passkey.id) } { "Rename" span.vh { " " (passkey.name) } }
                    " "
                    a href={ "/app/account/passkeys/" (passkey.id) "/remove" } { "Remove" span.vh { " " (passkey.name) } }
                }
            }
        }
    };
    html! {
        @if security.passkeys.is_empty() { div.body { p.muted { "None. With one, you sign in without your password." } } }
        @else { div.body.flush { (table("Passkeys, the oldest first", viewer.has_compact_rows, &columns, &rows)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_address_has_a_name() {
        let cases =
            [("127.0.0.1:8080", "localhost:8080"), ("[::1]:8080", "localhost:8080"), ("127.0.0.1", "localhost")];
        for (host, name) in cases {
            assert_eq!(named_loopback(host).as_deref(), Some(name), "{host}");
        }
        for other in ["192.0.2.7:8080", "localhost:8080", "novantra.example", ""] {
            assert_eq!(named_loopback(other), None, "{other}");
        }
    }
}
