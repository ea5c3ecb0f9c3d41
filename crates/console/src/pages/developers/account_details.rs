//! The form that changes the contact and the expiry of a service account.

use auth::{Account, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use integrations::{AccountDetails, IntegrationError};
use kernel::Email;
use maud::{Markup, html};

use super::{
    CREDENTIALS, Desk,
    account::form_page,
    desk::{Faults, problem_at, problem_of, problems},
    new_account::{details, optional, read},
};
use crate::{
    components::{Tone, form_token, note, problem_summary, reason, submit_bar},
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
        desk.require_recent()?;
        let account = find::<ServiceAccount>(app, request).await?;
        let contact = account.record.contact.as_ref().map_or_else(String::new, ToString::to_string);
        let expires = account.record.expires_at.map_or_else(String::new, |end| desk.viewer.zone.input_last_day(end));
        let typed = |name: &str, otherwise: String| query_value(request, name).unwrap_or(otherwise);
        let (contact, expires) = (typed("contact", contact), typed("expires", expires));
        let why = typed("reason", String::new());
        let page = form(&desk, &account, [&contact, &expires], &why, &Faults::new(), false);
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
        let contact = read(&mut faults, "contact", optional(text("contact"), Email::parse));
        // The form has the date only: an expiry at another time of that day is kept.
        let zone = &desk.viewer.zone;
        let kept = account.record.expires_at.filter(|end| zone.input_last_day(*end) == text("expires"));
        let expires = match kept {
            Some(expiry) => Ok(Some(expiry)),
            None => optional(text("expires"), |text| zone.parse_end_of_day(text)),
        };
        let expires = read(&mut faults, "expires", expires);
        if kept.is_none()
            && let Some(Some(expiry)) = expires
            && expiry <= desk.now
        {
            faults.insert("expires", "is in the past: enter a later date, or disable the account.".to_owned());
        }
        let reason = read(&mut faults, "reason", texts.reason());
        let typed = [text("contact"), text("expires")];
        let (Some(contact), Some(expires_at), Some(reason), true) = (contact, expires, reason, faults.is_empty())
        else {
            let page = form(&desk, &account, typed, text("reason"), &faults, false);
            return Ok(page_response(StatusCode::BAD_REQUEST, page));
        };
        let (author, organization, id) = (desk.author(&reason)?, desk.organization()?, account.meta.id);
        let details = AccountDetails { contact, expires_at };
        match desk.integrations.set_account_details(&author, organization, id, Some(seen), &details).await {
            Ok(_) => Ok(redirect(&format!("{CREDENTIALS}/{id}?done=saved")).recorded()),
            Err(IntegrationError::AccountChanged(current)) => {
                let page = form(&desk, &current, typed, text("reason"), &Faults::new(), true);
                Ok(page_response(StatusCode::CONFLICT, page))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn form(
    desk: &Desk<'_>,
    account: &Account,
    [contact, expires]: [&str; 2],
    why: &str,
    faults: &Faults,
    is_conflict: bool,
) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let problems = problems(faults, &[("contact", "Contact e-mail"), ("expires", "Last day"), ("reason", "Reason")]);
    let stored = &account.record;
    let content = html! {
        @if is_conflict {
            (note(
                Tone::Warning,
                "Somebody else changed this account while you edited it.",
                "What you entered stands in the form. Save again to replace what is stored now.",
            ))
            p.small {
                "Stored contact: " @if let Some(contact) = &stored.contact { (contact) } @else { "none" }
                ". Stored expiry: " @if let Some(expiry) = stored.expires_at { (desk.viewer.zone.end(expiry)) } @else { "never" } "."
            }
        }
        form.form method="post" action={ (href) "/edit" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(account.meta.revision.0);
            (problem_summary(&problems))
            section { (details(&desk.viewer.zone, &problems, contact, expires)) }
            section { (reason(why, problem_at(&problems, "reason"))) }
            (submit_bar("Save the account", &href))
        }
    };
    form_page(desk, account, &format!("Edit {}", account.record.name), is_conflict || !problems.is_empty(), &content)
}
