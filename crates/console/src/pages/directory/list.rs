//! The list of people.

use auth::{Permission, Role, SignInSummary, StoredUser, User};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::Timestamp;
use maud::{Markup, html};

use super::SECTION;
use crate::{
    components::{Head, Icon, TableColumn, avatar, blank, heading, page, pager, status, table},
    pages::{
        people::session::problem_of,
        register_list::{ListPage, load},
        viewer,
    },
    registers::{filter_bar, order_of, register_of},
    response::page_response,
    viewer::Viewer,
    words::{counted, sentence},
};

/// The content of the list.
struct View<'v> {
    page: &'v ListPage<User>,
    /// How each person of the page signs in.
    sign_ins: &'v [SignInSummary],
    now: Timestamp,
}

/// Handles the request for a page of the list.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let page = match load::<User>(app, request).await? {
            Ok(page) => page,
            Err(redirect) => return Ok(redirect),
        };
        let principal = request.principal()?;
        let users: Vec<_> = page.items.iter().map(|user| user.meta.id).collect();
        let caller = &principal.user()?.caller;
        let sign_ins = app.services.people.sign_in_summaries(caller, principal.organization(), &users);
        let sign_ins = sign_ins.await.map_err(problem_of)?;
        let view = View { page: &page, sign_ins: &sign_ins, now: app.services.clock.now() };
        Ok(page_response(StatusCode::OK, list(&viewer(request)?, &view)))
    })
}

fn list(viewer: &Viewer, View { page: found, sign_ins, now }: &View<'_>) -> Markup {
    let actions = html! {
        @if viewer.role.permits(Permission::ManagePeople) {
            a.btn.primary href="/app/people/invite" { (Icon::Plus) "Invite somebody…" }
        }
    };
    let below = html! { p { "Who may sign in to this workspace, and what they may do. Programs have service accounts, which are not listed here." } };
    let content = html! {
        (heading("People", &below, &actions))
        (filter_bar(viewer, &register_of::<User>(), &found.chosen, &found.filter_names, *now))
        section.card aria-label="People" {
            @if found.items.is_empty() && found.next.is_none() {
                (blank(Icon::Search, "Nobody matches these filters", "Remove one of the filters above, or all of them.", &html! { a.btn href=(SECTION) { "Clear all filters" } }))
            } @else {
                (people(viewer, found, sign_ins, *now))
                (pages(found))
            }
        }
    };
    page(viewer, &Head { title: "People", section: SECTION, ..Head::default() }, &content)
}

fn people(viewer: &Viewer, found: &ListPage<User>, sign_ins: &[SignInSummary], now: Timestamp) -> Markup {
    let columns = [("Name", "p"), ("Role", ""), ("Status", ""), ("Second factor", "t2"), ("Last sign-in", "num")];
    let columns = columns.map(|(title, class)| TableColumn { title: title.into(), class });
    let rows = html! { @for (user, sign_in) in found.items.iter().zip(sign_ins) { (row(viewer, user, sign_in, now)) } };
    table(&format!("People, {}", order_of(&found.chosen)), viewer.has_compact_rows, &columns, &rows)
}

fn pages(found: &ListPage<User>) -> Markup {
    let query = found.chosen.query();
    let separator = if query.is_empty() { '?' } else { '&' };
    let older = found.next.as_ref().map(|cursor| format!("{SECTION}{query}{separator}cursor={cursor}"));
    let first = found.cursor.as_ref().map(|_| format!("{SECTION}{query}"));
    let order = order_of(&found.chosen);
    let is_whole = found.cursor.is_none() && found.next.is_none();
    let summary = html! {
        @if is_whole { (counted(found.items.len(), "person", "people")) ", " (order) } @else { "Some of the people, " (order) }
    };
    pager(&summary, first.as_deref(), older.as_deref())
}

fn row(viewer: &Viewer, user: &StoredUser, sign_in: &SignInSummary, now: Timestamp) -> Markup {
    let record = &user.record;
    html! {
        tr role="row" {
            th.p scope="row" role="rowheader" {
                span.who {
                    (avatar(record.name.as_str()))
                    span { a.prime href={ (SECTION) "/" (user.meta.id) } { (record.name) } span.sub { (record.email) } }
                }
            }
            td role="cell" data-l="Role" { (sentence(record.role.name())) }
            td role="cell" data-l="Status" { (status(record.status.name())) }
            td.t2 role="cell" data-l="Second factor" { (second_factor(record.role, sign_in.second_factor_since.is_some(), sign_in.passkeys)) }
            td.num role="cell" data-l="Last sign-in" {
                span.muted.nowrap { @if let Some(at) = sign_in.last_sign_in { (viewer.zone.ago(at, now)) } @else { "Never" } }
            }
        }
    }
}

/// The second factors of a person; for whom one is required, the lack of it is a warning.
pub(super) fn second_factor(role: Role, has_app: bool, passkeys: usize) -> Markup {
    html! {
        @match (has_app, passkeys) {
            (true, 0) => "Authenticator app",
            (true, _) => { "Authenticator app, " (counted(passkeys, "passkey", "passkeys")) }
            (false, 0) if role.requires_second_factor() => span.b.warn { "Set up at the next sign-in" },
            (false, 0) => span.muted { "None" },
            (false, _) => (counted(passkeys, "passkey", "passkeys")),
        }
    }
}
