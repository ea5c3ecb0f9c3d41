//! The list of service accounts.

use auth::Account;
use axum::http::StatusCode;
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Timestamp;
use maud::{Markup, html};

use super::{
    CREDENTIALS, Desk,
    account_state::{scopes, state},
    desk::problem_of,
    developer_tabs,
};
use crate::{
    components::{Head, Icon, TableColumn, blank, heading, page, pager, table},
    response::page_response,
    viewer::Viewer,
    words::counted,
};

/// The number of times of last use that are read at once.
const READS_AT_A_TIME: usize = 16;

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let organization = desk.organization_id()?;
        let accounts = desk.integrations.accounts(organization).await.map_err(problem_of)?;
        let store = &app.services.store;
        let used = accounts.iter().map(|account| store.last_used(organization, account.meta.id));
        let used: Vec<_> = stream::iter(used.collect::<Vec<_>>()).buffered(READS_AT_A_TIME).try_collect().await?;
        let accounts: Vec<(Account, Option<Timestamp>)> = accounts.into_iter().zip(used).collect();
        Ok(page_response(StatusCode::OK, list(&desk.viewer, &accounts, desk.may_manage(), desk.now)))
    })
}

fn list(viewer: &Viewer, accounts: &[(Account, Option<Timestamp>)], may_manage: bool, now: Timestamp) -> Markup {
    let create = html! {
        @if may_manage { a.btn.primary href={ (CREDENTIALS) "/new" } { (Icon::Plus) "New service account" } }
    };
    let below = html! {
        p {
            "A service account is how a program signs in. It has a name, a client id, a secret that is shown once, and the "
            "scopes you give it. People never use one."
        }
    };
    let content = html! {
        (heading("Credentials", &below, &create))
        (developer_tabs(CREDENTIALS))
        section.card aria-label="Service accounts" {
            @if accounts.is_empty() {
                (blank(Icon::Key, "No service accounts yet", "Create one for each program that reads or writes here, with the scopes that it needs.", &create))
            } @else {
                (table("Service accounts", viewer.has_compact_rows, &COLUMNS, &rows(viewer, accounts, may_manage, now)))
                (pager(&html! { (counted(accounts.len(), "service account", "service accounts")) }, None, None))
            }
        }
    };
    page(viewer, &Head { title: "Credentials", section: CREDENTIALS, ..Head::default() }, &content)
}

const COLUMNS: [TableColumn<'static>; 6] = [
    TableColumn { title: std::borrow::Cow::Borrowed("Name"), class: "p" },
    TableColumn { title: std::borrow::Cow::Borrowed("State"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Scopes"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Last used"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Expires"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Actions"), class: "num gone" },
];

fn rows(viewer: &Viewer, accounts: &[(Account, Option<Timestamp>)], may_manage: bool, now: Timestamp) -> Markup {
    html! {
        @for (account, used) in accounts {
            @let href = format!("{CREDENTIALS}/{}", account.meta.id);
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    a.prime href=(href) { (account.record.name) }
                    span.sub { span.key.nw { (account.meta.id) } }
                }
                td role="cell" { (state(account, now)) }
                td role="cell" { (scopes(account.record.scopes)) }
                td data-l="Used" role="cell" {
                    span.nowrap { @if let Some(used) = used { (viewer.zone.ago(*used, now)) } @else { span.muted { "Never" } } }
                }
                td data-l="Expires" role="cell" {
                    span.nowrap { @if let Some(expiry) = account.record.expires_at { (viewer.zone.date(expiry)) } @else { "Never" } }
                }
                td.num.gone role="cell" {
                    details.pop.right.dots name="pop" {
                        summary { (Icon::More) span.vh { "Actions for " (account.record.name) } }
                        div.sheet {
                            @if may_manage {
                                a href={ (href) "/rotate" } { (Icon::Replay) "Rotate the secret…" }
                                a href={ (href) "/scopes" } { (Icon::Pencil) "Change the scopes…" }
                            }
                            a href={ (href) "/calls" } { (Icon::AuditLog) "Its calls" }
                            @if may_manage { hr; a href={ (href) "/status" } { (Icon::Disable) "Disable or enable…" } }
                        }
                    }
                }
            }
        }
    }
}
