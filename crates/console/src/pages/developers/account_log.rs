//! The parts of the audit log about a service account: its calls, and the changes of the account.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog};
use auth::ServiceAccount;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::{ListRequest, find},
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::Subject;
use maud::html;

use super::{CREDENTIALS, Desk, account::frame};
use crate::{
    components::{Icon, NONE, blank, pager},
    pages::{
        audit::{calls_table, entries_table, of_subjects},
        form_texts::query_value,
    },
    response::page_response,
    words::counted,
};

/// The changes of accounts, and the displays of their secrets.
const ACCOUNT_CHANGES: [&str; 8] = [
    "service_account.created",
    "service_account.updated",
    "service_account.rotated",
    "service_account.secret_shown",
    "service_account.scopes_set",
    "service_account.limits_set",
    "service_account.disabled",
    "service_account.enabled",
];

/// The subject of a tab.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Calls,
    Changes,
}

/// Handles the request for the calls.
pub(super) fn calls<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(respond(app, request, Shown::Calls))
}

/// Handles the request for the changes of the account.
pub(super) fn changes<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(respond(app, request, Shown::Changes))
}

async fn respond(app: &App, request: &ApiRequest, shown: Shown) -> Result<ApiResponse, Problem> {
    let desk = Desk::of(app, request)?;
    let account = find::<ServiceAccount>(app, request).await?;
    let id = BTreeSet::from([account.meta.id.to_string()]);
    let names = |actions: &[&str]| actions.iter().map(|action| (*action).to_owned()).collect();
    let filter = match shown {
        Shown::Calls => AuditFilter { actors: id, ..AuditFilter::default() },
        Shown::Changes => AuditFilter { subjects: id, actions: names(&ACCOUNT_CHANGES), ..AuditFilter::default() },
    };
    let mut query = Query::parse(request.query());
    let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
    let store = &*app.services.store;
    let page = AuditLog::entries(store, account.meta.organization, &filter, &list_request.page).await?;
    let (end, label, nothing) = match shown {
        Shown::Calls => ("/calls", "Calls of this account, newest first", "No calls yet"),
        Shown::Changes => ("/changes", "Changes of this account, newest first", "No changes yet"),
    };
    let subjects = of_subjects(app, account.meta.organization, &page.items).await?;
    let path = format!("{CREDENTIALS}/{}{end}", account.meta.id);
    let newest = query_value(request, "cursor").map(|_| path.clone());
    let older = page.next.map(|position| format!("{path}?cursor={}", list_request.cursor(app, position)));
    let content = html! {
        section.card aria-label=(label) {
            @if page.items.is_empty() && older.is_none() { (blank(Icon::AuditLog, nothing, "Calls and changes are listed here as soon as there are any.", &NONE)) }
            @else {
                @if shown == Shown::Calls { (calls_table(&desk.viewer, &subjects, label, &page.items)) }
                @else { (entries_table(&desk.viewer, &subjects, label, &page.items)) }
                (pager(&html! { @if newest.is_none() && older.is_none() { "All " (counted(page.items.len(), "entry", "entries")) ". " } (label) }, newest.as_deref(), older.as_deref()))
            }
        }
    };
    let response = page_response(StatusCode::OK, frame(&desk, &account, end, &content));
    Ok(response.with_subject(Subject::from_id(account.meta.id)))
}
