//! The list of service accounts.

use auth::{Account, AccountId};
use axum::http::StatusCode;
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Timestamp;
use maud::{Markup, html};
use store::{CallTotals, calls_by_hour};

use super::{
    CREDENTIALS, Desk,
    account_state::{scopes, state},
    desk::problem_of,
    developer_tabs,
};
use crate::{
    components::{Head, Icon, TableColumn, blank, heading, page, pager, sparkline, table},
    pages::overview::is_mostly_refused,
    response::page_response,
    viewer::Viewer,
    words::{counted, grouped, percent},
};

/// The number of times of last use that are read at once.
const READS_AT_A_TIME: usize = 16;

/// An account of the list.
struct AccountRow {
    account: Account,
    used: Option<Timestamp>,
    /// Its calls in each of the last 24 hours.
    calls: Vec<CallTotals>,
}

impl AccountRow {
    fn total(&self) -> CallTotals {
        let mut total = CallTotals::default();
        self.calls.iter().for_each(|calls| total.add(*calls));
        total
    }
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let organization = desk.organization_id()?;
        let accounts = desk.integrations.accounts(organization).await.map_err(problem_of)?;
        let store = &app.services.store;
        let used = accounts.iter().map(|account| store.last_used(organization, account.meta.id));
        let used: Vec<_> = stream::iter(used.collect::<Vec<_>>()).buffered(READS_AT_A_TIME).try_collect().await?;
        let ids: Vec<AccountId> = accounts.iter().map(|account| account.meta.id).collect();
        let mut calls = calls_by_hour(&**store, organization, &ids, desk.now).await?;
        let rows = accounts.into_iter().zip(used).map(|(account, used)| {
            let calls = calls.remove(&account.meta.id).unwrap_or_default();
            AccountRow { account, used, calls }
        });
        let rows: Vec<AccountRow> = rows.collect();
        Ok(page_response(StatusCode::OK, list(&desk.viewer, &rows, desk.may_manage(), desk.now)))
    })
}

fn list(viewer: &Viewer, accounts: &[AccountRow], may_manage: bool, now: Timestamp) -> Markup {
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

const COLUMNS: [TableColumn<'static>; 7] = [
    TableColumn { title: std::borrow::Cow::Borrowed("Name"), class: "p" },
    TableColumn { title: std::borrow::Cow::Borrowed("State"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Scopes"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Calls in 24 h"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Last used"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Expires"), class: "" },
    TableColumn { title: std::borrow::Cow::Borrowed("Actions"), class: "num gone" },
];

fn rows(viewer: &Viewer, accounts: &[AccountRow], may_manage: bool, now: Timestamp) -> Markup {
    html! {
        @for row in accounts {
            @let AccountRow { account, used, calls } = row;
            @let total = row.total();
            @let bars: Vec<(u64, bool)> = calls.iter().map(|calls| (calls.total(), is_mostly_refused(*calls))).collect();
            @let href = format!("{CREDENTIALS}/{}", account.meta.id);
            tr role="row" {
                th.p scope="row" role="rowheader" {
                    a.prime href=(href) { (account.record.name) }
                    span.sub { span.key.nw { (account.meta.id) } }
                }
                td role="cell" { (state(account, now)) }
                td role="cell" { (scopes(account.record.scopes)) }
                td data-l="Calls in 24 h" role="cell" {
                    span.gone { (sparkline(&format!("Calls by hour of {}", account.record.name), &bars)) }
                    span.also {
                        (grouped(total.total()))
                        @if total.answered < total.total() { ", " (percent(total.total() - total.answered, total.total())) " refused or failed" }
                    }
                }
                td data-l="Used" role="cell" {
                    span.nowrap { @if let Some(used) = used { (viewer.zone.ago(*used, now)) } @else { span.muted { "Never" } } }
                }
                td data-l="Expires" role="cell" {
                    @if let Some(expiry) = account.record.expires_at { (viewer.zone.end(expiry)) } @else { "Never" }
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
