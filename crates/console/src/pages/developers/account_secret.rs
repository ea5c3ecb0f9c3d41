//! The page that shows the secret of a service account, once.

use auth::{Account, AccountStatus, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Subject;
use maud::{Markup, html};
use scopes::Scope;

use super::{CREDENTIALS, Desk, REFERENCE, account_state::older_secret};
use crate::{
    components::{Head, NONE, Tone, card, code_block, heading, note, page, secret_field},
    pages::one_time_secret,
    response::page_response,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let path = format!("{CREDENTIALS}/{}/secret", account.meta.id);
        let secret = one_time_secret::take(app, request, &path)?;
        let action = if secret.is_some() { "service_account.secret_shown" } else { "service_account.read" };
        let page = match secret {
            Some(secret) => shown(&desk, &account, &secret),
            None => gone(&desk, &account),
        };
        let response = page_response(StatusCode::OK, page).with_subject(Subject::from_id(account.meta.id));
        Ok(one_time_secret::forget(app, response.with_action(action), &path))
    })
}

fn around(desk: &Desk<'_>, account: &Account, title: &str, below: &Markup, content: &Markup) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let content = html! { (heading(title, below, &NONE)) (content) };
    let above = [("Credentials", CREDENTIALS), (account.record.name.as_str(), href.as_str())];
    page(&desk.viewer, &Head { title: "Secret", section: CREDENTIALS, above: &above, ..Head::default() }, &content)
}

fn shown(desk: &Desk<'_>, account: &Account, secret: &str) -> Markup {
    let id = account.meta.id.to_string();
    let below = html! { p { (works(desk, account)) " The secret is on this page only: Novantra keeps no copy that can be read." } };
    let content = html! {
        (note(
            Tone::Warning,
            "This is the only time the secret is shown.",
            "Put it into your secret store now. If it is lost, rotate it: that takes a minute and nothing else changes.",
        ))
        (card("secret", "Client id and secret", &NONE, &html! {
            div.body {
                (secret_field("client-id", "Client id", &id, ""))
                (secret_field("client-secret", "Client secret", secret, "Starts with nvsec_ and ends in a checksum, so that secret scanners find it where it should not be."))
            }
        }))
        (card("try", "Try it", &NONE, &html! {
            div.body {
                p.small.soft { "Asks for the secret and pipes it, so that it stays out of your shell history and of the process list." }
                (code_block("curl", "Token call with curl", &token_call(&origin(desk), &id)))
                (next_call(account))
            }
        }))
        div.save {
            a.btn.primary href={ (CREDENTIALS) "/" (id) } { "I have stored the secret" }
            span.small.muted { "Leaving or reloading this page ends its display." }
        }
    };
    around(desk, account, &format!("Copy the secret of {}", account.record.name), &below, &content)
}

fn gone(desk: &Desk<'_>, account: &Account) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let content = html! {
        (note(
            Tone::Information,
            "The secret was shown already, or 10 minutes have passed.",
            "Nobody can read it again. If it was not stored, rotate it: the account gets a new one, and nothing else changes.",
        ))
        div.save {
            a.btn.primary href={ (href) "/rotate" } { "Rotate the secret…" }
            a.btn.quiet href=(href) { "Go to the account" }
        }
    };
    around(desk, account, &format!("The secret of {}", account.record.name), &NONE, &content)
}

/// Which secrets of the account work from now on.
fn works(desk: &Desk<'_>, account: &Account) -> Markup {
    // A new account was not changed yet.
    let is_new = account.meta.revision.0 == 1;
    html! {
        @if account.record.status == AccountStatus::Disabled {
            "The account is disabled: no secret works until it is enabled."
        } @else if is_new {
            "The account is ready."
        } @else if let Some(end) = older_secret(account, desk.now) {
            "The new secret works. The old one works until " (desk.viewer.zone.second(end)) ", and its tokens until they expire."
        } @else {
            "The new secret works. The old one does not any more; its tokens work until they expire."
        }
    }
}

/// The way on from the token to the first call.
fn next_call(account: &Account) -> Markup {
    let scopes = account.record.scopes;
    html! {
        p.small {
            "The token goes into the header " code { "Authorization: Bearer …" } " of each call. "
            @if scopes.contains(Scope::FindingsWrite) {
                "Next: " a href={ (REFERENCE) "/findings#createFinding" } { "record a finding" } ", with an example that can be copied."
            } @else if scopes.contains(Scope::FindingsRead) {
                "Next: " a href={ (REFERENCE) "/findings#listFindings" } { "list findings" } ", with an example that can be copied."
            } @else {
                "Next: " a href=(REFERENCE) { "the calls that its scopes allow" } ", each with an example that can be copied."
            }
        }
    }
}

/// The address of this server, as the browser called it.
pub(super) fn origin(desk: &Desk<'_>) -> String {
    crate::pages::origin::origin(desk.app, desk.request)
}

/// The call is one line of the shell, so that all of it is read before the secret is asked for: a line after `read` would be
/// taken for the secret when the text is pasted, and the secret for a command.
fn token_call(origin: &str, id: &str) -> String {
    format!(
        "printf \"Secret: \" && read -rs SECRET && printf %s \"$SECRET\" | \\\n  curl -s {origin}/api/v1/auth/token \\\n  -d \
         grant_type=client_credentials \\\n  -d client_id={id} \\\n  --data-urlencode client_secret@-"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_call_is_one_line_of_the_shell() {
        let call = token_call("https://novantra.example", "svc_1");
        let lines: Vec<&str> = call.lines().collect();
        let goes_on: Vec<bool> = lines.iter().map(|line| line.ends_with('\\')).collect();
        assert_eq!(goes_on, [true, true, true, true, false], "{call}");
        assert!(!call.contains("\n\n"), "{call}");
    }
}
