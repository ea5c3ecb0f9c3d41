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
    components::{NONE, form_token, heading, page},
    form_token::FormToken,
    pages::{
        confirm_password::proof_first,
        form_texts::FormTexts,
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
        response(request, &codes, &caller.session).map(ApiResponse::recorded)
    })
}

/// Returns the page that shows the codes once, in this session.
pub(super) fn response(
    request: &ApiRequest,
    codes: &[RecoveryCode],
    session: &Session,
) -> Result<ApiResponse, Problem> {
    let viewer = Viewer { form_token: FormToken::of(session).to_string(), ..viewer(request)? };
    let content = html! {
        section.card aria-label="Recovery codes" { div.body { div.stack { (recovery_codes::content(codes, SECTION)) } } }
    };
    Ok(page_response(StatusCode::OK, page(&viewer, &head("Recovery codes", false), &content)))
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
