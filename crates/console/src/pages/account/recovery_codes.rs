//! New recovery codes.

use auth::{RecoveryCode, Session};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::{SECTION, head};
use crate::{
    components::{NONE, Tone, form_token, heading, note, page},
    pages::{
        confirm_password::proof_first,
        form_texts::FormTexts,
        one_time_secret,
        people::{
            recovery_codes,
            session::{client, problem_of},
        },
        viewer,
    },
    response::page_response,
    viewer::Viewer,
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        request.principal()?.user()?.caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        Ok(page_response(StatusCode::OK, form(&viewer(request)?)))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let caller = &request.principal()?.user()?.caller;
        let client = client(request);
        let codes = app.services.people.replace_recovery_codes(caller, &client).await.map_err(problem_of)?;
        Ok(response(app, &codes, &caller.session).recorded())
    })
}

/// The address of the page that shows the codes.
pub(super) const SHOWN: &str = "/app/account/recovery-codes/shown";

/// Returns the response that leads to the page which shows the codes once, in this session.
pub(super) fn response(app: &App, codes: &[RecoveryCode], session: &Session) -> ApiResponse {
    let codes: Vec<String> = codes.iter().map(RecoveryCode::expose).collect();
    one_time_secret::show_to(app, session, SHOWN, &codes.join(" "))
}

/// Handles the request for the page with the codes. A reload of it makes no others.
pub(super) fn shown<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let text = one_time_secret::take(app, request, SHOWN)?;
        let codes: Option<Vec<String>> = text.map(|text| text.split(' ').map(str::to_owned).collect());
        let content = match &codes {
            Some(codes) => html! {
                section.card aria-label="Recovery codes" { div.body { div.stack { (recovery_codes::content(codes, SECTION)) } } }
            },
            None => html! {
                (heading("Recovery codes", &NONE, &NONE))
                (note(Tone::Information, "The codes were shown already, or 10 minutes have passed.", "Nobody can read them again. If they were not stored, make new ones."))
                div.save {
                    a.btn.primary href="/app/account/recovery-codes" { "Make new recovery codes…" }
                    a.btn.quiet href=(SECTION) { "Go to your account" }
                }
            },
        };
        let response = page_response(StatusCode::OK, page(&viewer(request)?, &head("Recovery codes", false), &content));
        let action = if codes.is_some() { "user.recovery_codes_shown" } else { "user.account_opened" };
        Ok(one_time_secret::forget(app, response.with_action(action), SHOWN))
    })
}

fn form(viewer: &Viewer) -> Markup {
    let title = "Make new recovery codes";
    let below = html! { p { "You see the new ones once. The ones that you have stop working." } };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/account/recovery-codes" {
            (form_token(viewer))
            div.save {
                button.btn.primary { "Make and show the codes" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    page(viewer, &head(title, false), &content)
}
