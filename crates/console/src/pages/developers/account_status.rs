//! The form that disables or enables a service account.

use auth::{Account, AccountStatus, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::{
    CREDENTIALS, Desk,
    account::form_page,
    desk::{Faults, problem_at, problem_of, problems},
};
use crate::{
    components::{Tone, form_token, note, problem_summary, reason},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_value},
    },
    response::{page_response, redirect},
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        if account.record.status == AccountStatus::Disabled {
            desk.require_recent()?;
        }
        let why = query_value(request, "reason").unwrap_or_default();
        Ok(page_response(StatusCode::OK, form(&desk, &account, &why, &Faults::new())))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let texts = FormTexts::read(request)?;
        // The form says what it wants, so that a form which is sent twice does not undo itself.
        let status = texts.0.get("status").and_then(|name| AccountStatus::from_name(name));
        // An account is stopped in a hurry, which no password may delay.
        if status == Some(AccountStatus::Active)
            && let Some(asked) = proof_first(app, request, request.parts.uri.path()).await?
        {
            return Ok(asked);
        }
        let seen = texts.revision()?;
        let reason = match texts.reason() {
            Ok(reason) => reason,
            Err(message) => {
                let why = texts.0.get("reason").map_or("", String::as_str);
                let page = form(&desk, &account, why, &Faults::from([("reason", message)]));
                return Ok(page_response(StatusCode::BAD_REQUEST, page));
            }
        };
        let status = status.ok_or_else(|| Problem::unprocessable("the form does not say what to do: open it again"))?;
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let id = account.meta.id;
        let set = desk.integrations.set_account_status(&author, organization, id, Some(seen), status).await;
        set.map_err(problem_of)?;
        let done = if status == AccountStatus::Active { "enabled" } else { "disabled" };
        Ok(redirect(&format!("{CREDENTIALS}/{id}?done={done}")).recorded())
    })
}

fn form(desk: &Desk<'_>, account: &Account, why: &str, faults: &Faults) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let problems = problems(faults, &[("reason", "Reason")]);
    let disables = account.record.status == AccountStatus::Active;
    let verb = if disables { "Disable" } else { "Enable" };
    let status = if disables { AccountStatus::Disabled } else { AccountStatus::Active };
    let content = html! {
        @if disables {
            (note(
                Tone::Warning,
                "Its next call is refused, on every server.",
                "Its tokens stop working and it gets no new ones. No event is sent to its webhooks. Nothing is deleted, and you can enable it again.",
            ))
        } @else {
            (note(
                Tone::Information,
                "It can sign in again with the secret that it had.",
                "If the secret may have leaked, rotate it first.",
            ))
        }
        form.form method="post" action={ (href) "/status" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(account.meta.revision.0);
            input type="hidden" name="status" value=(status.name());
            (problem_summary(&problems))
            (reason(why, problem_at(&problems, "reason")))
            div.save {
                button.btn.primary[!disables].danger-fill[disables] { (verb) " the account" }
                a.btn.quiet href=(href) { "Cancel" }
            }
        }
    };
    form_page(desk, account, &format!("{verb} {}", account.record.name), !problems.is_empty(), &content)
}
