//! The form that changes the rate limits of a service account.

use auth::{Account, AccountLimits, ServiceAccount};
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

use super::{
    CREDENTIALS, Desk,
    account::form_page,
    desk::{Faults, problem_at, problem_of, problems},
    new_account::{optional, read},
};
use crate::{
    components::{Field, Tone, form_token, note, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_value},
    },
    response::{page_response, redirect},
    words::grouped,
};

/// The highest limit that the form accepts, in calls per minute.
const MAX: u32 = 1_000_000;

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let account = find::<ServiceAccount>(app, request).await?;
        let AccountLimits { reads, writes } = account.record.limits;
        let stored = |limit: Option<u32>| limit.map_or_else(String::new, |limit| limit.to_string());
        let typed = |name: &str, otherwise: String| query_value(request, name).unwrap_or(otherwise);
        let (reads, writes) = (typed("reads", stored(reads)), typed("writes", stored(writes)));
        let why = typed("reason", String::new());
        let page = form(&desk, &account, [&reads, &writes], &why, &Faults::new(), false);
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
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        let (mut faults, seen) = (Faults::new(), texts.revision()?);
        let reads = read(&mut faults, "reads", optional(text("reads"), limit));
        let writes = read(&mut faults, "writes", optional(text("writes"), limit));
        let reason = read(&mut faults, "reason", texts.reason());
        let typed = [text("reads"), text("writes")];
        let (Some(reads), Some(writes), Some(reason)) = (reads, writes, reason) else {
            let page = form(&desk, &account, typed, text("reason"), &faults, false);
            return Ok(page_response(StatusCode::BAD_REQUEST, page));
        };
        let (author, organization, id) = (desk.author(&reason)?, desk.organization()?, account.meta.id);
        let limits = move |_| AccountLimits { reads, writes };
        match desk.integrations.set_account_limits(&author, organization, id, Some(seen), limits).await {
            Ok(_) => Ok(redirect(&format!("{CREDENTIALS}/{id}?done=limits")).recorded()),
            Err(IntegrationError::AccountChanged(current)) => {
                let page = form(&desk, &current, typed, text("reason"), &Faults::new(), true);
                Ok(page_response(StatusCode::CONFLICT, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn limit(text: &str) -> Result<u32, String> {
    let calls = text.parse().ok().filter(|calls| (1..=MAX).contains(calls));
    calls.ok_or_else(|| "is not a whole number from 1 to 1,000,000. To stop an account, disable it.".to_owned())
}

fn form(
    desk: &Desk<'_>,
    account: &Account,
    [reads, writes]: [&str; 2],
    why: &str,
    faults: &Faults,
    is_conflict: bool,
) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let quotas = desk.app.services.settings.quotas;
    let problems =
        problems(faults, &[("reads", "Reads a minute"), ("writes", "Writes a minute"), ("reason", "Reason")]);
    let fault = |name: &str| problem_at(&problems, name);
    let default = |calls: u32| {
        format!("Leave it empty for the default of this installation, {} a minute.", grouped(calls.into()))
    };
    let (read_hint, write_hint) = (default(quotas.token_read), default(quotas.token_write));
    let content = html! {
        @if is_conflict {
            (note(
                Tone::Warning,
                "Somebody else changed this account while you edited it.",
                "What you entered stands in the form. Save again to replace what is stored now.",
            ))
        }
        form.form method="post" action={ (href) "/limits" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(account.meta.revision.0);
            (problem_summary(&problems))
            section {
                (Field { name: "reads", label: "Reads a minute", hint: &read_hint, error: fault("reads"), optional: true }.input("text", "short", reads))
                (Field { name: "writes", label: "Writes a minute", hint: &write_hint, error: fault("writes"), optional: true }.input("text", "short", writes))
                p.small.muted { "All accounts of the workspace together have " (grouped(quotas.organization.into())) " calls a minute, whatever the limit of one is." }
            }
            section { (reason(why, fault("reason"))) }
            (submit_bar("Change the limits", &href))
        }
    };
    let title = format!("Change the limits of {}", account.record.name);
    form_page(desk, account, &title, is_conflict || !problems.is_empty(), &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_whole_number_that_does_not_lock_the_account_out() {
        assert_eq!(limit("600"), Ok(600));
        for other in ["0", "-1", "1.5", "ten", "1000001", ""] {
            assert!(limit(other).is_err(), "{other}");
        }
    }
}
