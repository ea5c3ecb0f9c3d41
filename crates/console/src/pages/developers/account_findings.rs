//! The findings that a service account has created or changed.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, StoredEntry};
use auth::ServiceAccount;
use axum::http::StatusCode;
use findings::Finding;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::{ListRequest, find},
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{Entry, Id, Reader, Stored, Subject};
use maud::{Markup, html};

use super::{CREDENTIALS, Desk, account::frame};
use crate::{
    components::{Icon, NONE, TableColumn, blank, pager, severity, status, table},
    pages::form_texts::query_value,
    response::page_response,
    viewer::Viewer,
    words::counted,
};

/// The changes of findings that programs make, each of which has an entry about one finding.
const CHANGES: [(&str, &str); 3] = [
    ("finding.created", "created it"),
    ("finding.updated", "changed it"),
    ("finding.event_recorded", "reported on it"),
];

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let (store, organization) = (&*app.services.store, account.meta.organization);
        let filter = AuditFilter {
            actors: BTreeSet::from([account.meta.id.to_string()]),
            actions: CHANGES.iter().map(|(action, _)| (*action).to_owned()).collect(),
            ..AuditFilter::default()
        };
        let mut query = Query::parse(request.query());
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::No)?;
        let page = AuditLog::entries(store, organization, &filter, &list_request.page).await?;
        let latest = latest_changes(&page.items);
        let ids: Vec<Id<Finding>> = latest.iter().map(|(id, _)| *id).collect();
        let findings = Reader::<Finding>::get_many(store, organization, &ids).await?;
        let path = format!("{CREDENTIALS}/{}/findings", account.meta.id);
        let newest = query_value(request, "cursor").map(|_| path.clone());
        let older = page.next.map(|position| format!("{path}?cursor={}", list_request.cursor(app, position)));
        let is_complete = newest.is_none() && older.is_none();
        let content = html! {
            section.card aria-label="Findings of this account" {
                @if latest.is_empty() && is_complete {
                    (blank(Icon::Finding, "No findings created or changed yet", "The findings that this account records or changes are listed here.", &NONE))
                } @else {
                    (rows(&desk.viewer, &latest, &findings))
                    (pager(&html! { @if is_complete { "All " } (counted(latest.len(), "finding", "findings")) ", the last changed by this account first" }, newest.as_deref(), older.as_deref()))
                }
            }
        };
        let response = page_response(StatusCode::OK, frame(&desk, &account, "/findings", &content));
        Ok(response.with_subject(Subject::from_id(account.meta.id)))
    })
}

/// The findings that the entries are about, each with its newest entry. Entries are given with the newest first.
fn latest_changes(entries: &[StoredEntry]) -> Vec<(Id<Finding>, &Entry)> {
    let mut seen = BTreeSet::new();
    let about = |stored: &'_ StoredEntry| stored.entry.subject.as_ref()?.id.parse::<Id<Finding>>().ok();
    let changes = entries.iter().filter_map(|stored| Some((about(stored)?, &stored.entry)));
    changes.filter(|(id, _)| seen.insert(*id)).collect()
}

fn rows(viewer: &Viewer, latest: &[(Id<Finding>, &Entry)], findings: &[Stored<Finding>]) -> Markup {
    let column = |title: &'static str, class| TableColumn { title: title.into(), class };
    let columns = [
        column("Severity", ""),
        column("Finding", "p w-title"),
        column("Status", ""),
        column("The account last", ""),
        column("Time", "num"),
    ];
    let rows = html! {
        @for (id, entry) in latest {
            @if let Some(finding) = findings.iter().find(|finding| finding.meta.id == *id) {
                tr role="row" {
                    td role="cell" { (severity(finding.record.severity)) }
                    th.p.w-title scope="row" role="rowheader" {
                        a.prime href={ "/app/findings/" (id) } { (finding.record.title) }
                        span.also { span.key { (finding.record.key) } }
                    }
                    td role="cell" { (status(finding.record.status.name())) }
                    td role="cell" { a href={ "/app/audit/" (entry.id) } { (what_was_done(entry)) } }
                    td.num role="cell" { span.nowrap { (viewer.zone.second(entry.occurred_at)) } }
                }
            }
        }
    };
    table("Findings of this account, the last changed first", viewer.has_compact_rows, &columns, &rows)
}

fn what_was_done(entry: &Entry) -> &'static str {
    CHANGES.iter().find(|(action, _)| *action == entry.action.as_str()).map_or("changed it", |(_, words)| words)
}
