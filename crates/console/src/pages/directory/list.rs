//! The list of people.

use auth::{Permission, StoredUser, User};
use axum::http::StatusCode;
use futures_util::future::{BoxFuture, try_join_all};
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{Filter, PageLimit, Reader, Timestamp};
use maud::{Markup, html};
use people::UserSecurity;

use super::SECTION;
use crate::{
    components::{Head, Icon, TableColumn, avatar, heading, page, pager, status, table},
    pages::{form_texts::query_value, people::session::problem_of, viewer},
    response::page_response,
    viewer::Viewer,
    words::{counted, sentence},
};

/// The number of people on a page: for each of them the store is asked how they sign in.
const PAGE: u64 = 25;

/// The content of the list.
struct View<'v> {
    rows: &'v [(StoredUser, UserSecurity)],
    cursor: Option<&'v str>,
    next: Option<&'v str>,
    now: Timestamp,
}

/// Handles the request for a page of the list.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        let mut query = Query::parse(request.query());
        let mut list_request = ListRequest::parse(app, request, &mut query, DueDates::of::<User>())?;
        list_request.page.limit = PageLimit::clamped(PAGE);
        let store = &*app.services.store;
        let organization = list_request.organization;
        let page = Reader::<User>::list(store, organization, &Filter::default(), &list_request.page).await?;
        let security = page.items.iter().map(|user| app.services.people.security(caller, organization, user.meta.id));
        let security = try_join_all(security).await.map_err(problem_of)?;
        let rows: Vec<_> = page.items.into_iter().zip(security).collect();
        let next = page.next.map(|position| list_request.cursor(app, position));
        let cursor = query_value(request, "cursor");
        let now = app.services.clock.now();
        let view = View { rows: &rows, cursor: cursor.as_deref(), next: next.as_deref(), now };
        Ok(page_response(StatusCode::OK, list(&viewer(request)?, &view)))
    })
}

fn list(viewer: &Viewer, view: &View<'_>) -> Markup {
    let columns = [("Name", "p"), ("Role", ""), ("Status", ""), ("Second factor", "t2"), ("Last sign-in", "num")];
    let columns = columns.map(|(title, class)| TableColumn { title: title.into(), class });
    let actions = html! {
        @if viewer.role.permits(Permission::ManagePeople) {
            a.btn.primary href="/app/people/invite" { (Icon::Plus) "Invite somebody…" }
        }
    };
    let below = html! { p { "Who may sign in to this workspace, and what they may do. Programs are service accounts, and are not listed here." } };
    let rows = html! { @for (user, security) in view.rows { (row(viewer, user, security, view.now)) } };
    let older = view.next.map(|cursor| format!("{SECTION}?cursor={cursor}"));
    let is_whole = view.cursor.is_none() && view.next.is_none();
    let summary = html! {
        @if is_whole { (counted(view.rows.len(), "person", "people")) ", newest first" } @else { "Some of the people, newest first" }
    };
    let content = html! {
        (heading("People", &below, &actions))
        section.card aria-label="People" {
            (table("People, newest first", viewer.has_compact_rows, &columns, &rows))
            (pager(&summary, view.cursor.map(|_| SECTION), older.as_deref()))
        }
    };
    page(viewer, &Head { title: "People", section: SECTION, ..Head::default() }, &content)
}

fn row(viewer: &Viewer, user: &StoredUser, security: &UserSecurity, now: Timestamp) -> Markup {
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
            td.t2 role="cell" data-l="Second factor" { (second_factor(record, security)) }
            td.num role="cell" data-l="Last sign-in" {
                span.muted.nowrap { @if let Some(at) = security.last_sign_in { (viewer.zone.day(at, now)) } @else { "Never" } }
            }
        }
    }
}

/// Whether a user has a second factor; for whom one is required, the lack of it is a warning.
pub(super) fn second_factor(user: &User, security: &UserSecurity) -> Markup {
    html! {
        @if security.second_factor_since.is_some() { "Authenticator app" }
        @else if user.role.requires_second_factor() { span.b.warn { "Set up at the next sign-in" } }
        @else { span.muted { "None" } }
    }
}
