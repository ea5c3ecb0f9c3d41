//! The page that shows the secret of a service account, once.

use auth::{Account, ServiceAccount};
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

use super::{CREDENTIALS, Desk};
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
    let below = html! { p { "The account is ready. Its secret is on this page only: Novantra keeps no copy that can be read." } };
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

/// The address of this server, as the browser called it.
pub(super) fn origin(desk: &Desk<'_>) -> String {
    crate::pages::origin::origin(desk.app, desk.request)
}

fn token_call(origin: &str, id: &str) -> String {
    format!(
        "read -rs SECRET     # paste, then Enter\n\nprintf %s \"$SECRET\" | curl -s {origin}/api/v1/auth/token \\\n  -d \
         grant_type=client_credentials \\\n  -d client_id={id} \\\n  --data-urlencode client_secret@-"
    )
}
