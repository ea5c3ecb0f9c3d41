//! The rate limits of the installation, and the accounts that have others.

use auth::{Account, AccountLimits};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::{CREDENTIALS, Desk, RATE_LIMITS, desk::problem_of, developer_tabs};
use crate::{
    components::{Head, NONE, TableColumn, card, code_block, heading, page, table},
    response::page_response,
    words::grouped,
};

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let accounts = desk.integrations.accounts(desk.organization_id()?).await.map_err(problem_of)?;
        let own: Vec<&Account> =
            accounts.iter().filter(|account| account.record.limits != AccountLimits::default()).collect();
        Ok(page_response(StatusCode::OK, show(&desk, &own)))
    })
}

fn show(desk: &Desk<'_>, own: &[&Account]) -> Markup {
    let quotas = desk.app.services.settings.quotas;
    let limits = [
        ("Reads of one account", quotas.token_read, "token-read"),
        ("Writes of one account", quotas.token_write, "token-write"),
        ("All calls of the workspace", quotas.organization, "org"),
        ("Tokens for one account", quotas.token_endpoint, "token-issue"),
        ("Calls from one address without valid credentials", quotas.unauthenticated, "unauthenticated"),
    ];
    let columns = [("What is limited", "p"), ("Calls a minute", "num"), ("Bucket in the headers", "")]
        .map(|(title, class)| TableColumn { title: title.into(), class });
    let rows = html! {
        @for (title, calls, bucket) in limits {
            tr role="row" {
                th.p scope="row" role="rowheader" { (title) }
                td.num data-l="A minute" role="cell" { (grouped(calls.into())) }
                td data-l="Bucket" role="cell" { code.small { (bucket) } }
            }
        }
    };
    let below = html! { p { "Each limit is a bucket that refills evenly: a full one allows a minute’s calls at once. A batch of 500 findings counts as one write." } };
    let content = html! {
        (heading("Rate limits", &below, &NONE))
        (developer_tabs(RATE_LIMITS))
        div.split.even {
            div.stack {
                section.card aria-label="Limits" { (table("Limits of this installation", false, &columns, &rows)) }
                (card("own", "Accounts with limits of their own", &NONE, &own_limits(own)))
            }
            div.aside {
                (card("answer", "What each response says", &NONE, &html! {
                    div.body {
                        p.small { "The headers of every response describe the bucket that is closest to empty." }
                        (code_block("headers", "Headers of a response", "X-RateLimit-Limit: 600\nX-RateLimit-Remaining: 587\nX-RateLimit-Reset: 1795533730\nX-RateLimit-Bucket: token-read"))
                        p.small { "A call beyond a limit is refused with 429 and " code { "Retry-After" } ", in seconds. Nothing was done, so it can be sent again after that time." }
                    }
                }))
                (card("change", "How to change them", &NONE, &html! {
                    div.body { p.small { "Change the limits of one account on its page. The limits of the installation are settings of the server, which its operator changes." } }
                }))
            }
        }
    };
    page(
        &desk.viewer,
        &Head { title: "Rate limits", section: CREDENTIALS, above: &[("Credentials", CREDENTIALS)], ..Head::default() },
        &content,
    )
}

fn own_limits(own: &[&Account]) -> Markup {
    if own.is_empty() {
        return html! { div.body { p.muted { "None: all accounts have the limits above." } } };
    }
    let columns = [("Account", "p"), ("Reads", "num"), ("Writes", "num")]
        .map(|(title, class)| TableColumn { title: title.into(), class });
    let calls = |limit: Option<u32>| limit.map_or_else(|| "Default".to_owned(), |limit| grouped(limit.into()));
    let rows = html! {
        @for account in own {
            tr role="row" {
                th.p scope="row" role="rowheader" { a.prime href={ (CREDENTIALS) "/" (account.meta.id) } { (account.record.name) } }
                td.num data-l="Reads" role="cell" { (calls(account.record.limits.reads)) }
                td.num data-l="Writes" role="cell" { (calls(account.record.limits.writes)) }
            }
        }
    };
    html! { div.body.flush { (table("Accounts with limits of their own", true, &columns, &rows)) } }
}
