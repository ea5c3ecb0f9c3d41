//! The form that changes the scopes of a service account.

use auth::{Account, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::IntegrationError;
use maud::{Markup, html};
use scopes::ScopeSet;

use super::{
    CREDENTIALS, Desk,
    account::form_page,
    account_state::scope,
    desk::{Faults, problem_at, problem_of, problems},
    new_account::read,
    scope_table::scope_table,
};
use crate::{
    components::{Tone, form_token, note, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_value, query_values},
    },
    response::{page_response, redirect},
};

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let account = find::<ServiceAccount>(app, request).await?;
        let (ticked, why) = (query_values(request, "scope"), query_value(request, "reason").unwrap_or_default());
        let ticked: ScopeSet = ticked.iter().filter_map(|name| name.parse().ok()).collect();
        let ticked = if ticked.is_empty() { account.record.scopes } else { ticked };
        let page = form(&desk, &account, ticked, &why, &Faults::new(), false);
        Ok(page_response(StatusCode::OK, page))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let texts = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let (mut faults, seen) = (Faults::new(), texts.revision()?);
        let scopes: ScopeSet = desk.values("scope").iter().filter_map(|name| name.parse().ok()).collect();
        if scopes.is_empty() {
            let message = "are missing: tick at least one. To stop an account, disable it.";
            faults.insert("scopes", message.to_owned());
        }
        let why = texts.0.get("reason").map_or("", String::as_str);
        let reason = read(&mut faults, "reason", texts.reason());
        let Some(reason) = reason.filter(|_| faults.is_empty()) else {
            return Ok(page_response(StatusCode::BAD_REQUEST, form(&desk, &account, scopes, why, &faults, false)));
        };
        let (author, organization, id) = (desk.author(&reason)?, desk.organization()?, account.meta.id);
        match desk.integrations.set_account_scopes(&author, organization, id, Some(seen), scopes).await {
            Ok(_) => Ok(redirect(&format!("{CREDENTIALS}/{id}?done=scopes")).recorded()),
            Err(IntegrationError::AccountChanged(current)) => {
                let page = form(&desk, &current, scopes, why, &Faults::new(), true);
                Ok(page_response(StatusCode::CONFLICT, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn form(desk: &Desk<'_>, account: &Account, ticked: ScopeSet, why: &str, faults: &Faults, is_conflict: bool) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let problems = problems(faults, &[("scopes", "Scopes"), ("reason", "Reason")]);
    let fault = |name: &str| problem_at(&problems, name);
    let content = html! {
        @if is_conflict { (conflict_notice(account)) }
        p.soft { "A scope that you remove is refused on the next call, also to tokens that were given out before." }
        form.form method="post" action={ (href) "/scopes" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(account.meta.revision.0);
            (problem_summary(&problems))
            section { (scope_table(ticked, fault("scopes"))) }
            section { (reason(why, fault("reason"))) }
            (submit_bar("Change the scopes", &href))
        }
    };
    let title = format!("Change the scopes of {}", account.record.name);
    form_page(desk, account, &title, is_conflict || !problems.is_empty(), &content)
}

/// The notice that somebody else changed the account meanwhile, with what is stored now.
pub(super) fn conflict_notice(account: &Account) -> Markup {
    html! {
        (note(
            Tone::Warning,
            "Somebody else changed this account while you edited it.",
            "What you entered stands in the form. Save again to replace what is stored now.",
        ))
        p.small { "Stored scopes: " span.scopes { @for one in account.record.scopes.iter() { (scope(one)) } } }
    }
}
