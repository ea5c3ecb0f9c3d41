//! The overview: what waits for somebody, each with a way to the whole list. Every card is a bounded range of an index;
//! nothing is counted.

use axum::http::StatusCode;
use findings::{Finding, Status};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Filter, Order, PageLimit, PageRequest, Reader, Record, TimeRange};
use maud::{Markup, html};
use registers::{EvidenceClaim, SubmissionPackage};
use store::DynStore;

use super::viewer;
use crate::{
    components::{Head, NONE, card, heading, page},
    registers::{Row, register_of, short_list},
    response::page_response,
    viewer::Viewer,
};

/// The number of records of each card.
const SHOWN: u64 = 6;

/// The statuses of findings that somebody has to work on.
const OPEN: [Status; 4] = [Status::Open, Status::Triaged, Status::RemediationPlanned, Status::Remediating];

/// Handles the request.
pub(crate) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let now = app.services.clock.now();
        let open = || Filter::<Finding>::default().with("status", OPEN);
        let until_now = TimeRange { due_before: Some(now), ..TimeRange::default() };
        let from_now = TimeRange { due_after: Some(now), ..TimeRange::default() };
        let due = |time_range| PageRequest { order: Order::Due, time_range, ..newest() };
        let names = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let overdue = rows(app, request, &open(), &due(until_now)).await?;
        let soon = rows(app, request, &open(), &due(from_now)).await?;
        let evidence = rows(app, request, &by_status::<EvidenceClaim>(&names(&["pending"])), &newest()).await?;
        let packages = by_status::<SubmissionPackage>(&names(&["draft", "in_review", "ready"]));
        let packages = rows(app, request, &packages, &newest()).await?;
        let viewer = viewer(request)?;
        let content = html! {
            (heading("Overview", &html! { p { (viewer.workspace) ", as of " (viewer.zone.minute(now)) "." } }, &NONE))
            div.cols.even {
                (section::<Finding>(&viewer, "overdue", "Overdue findings", "/app/findings?order=due", &overdue, "Nothing is overdue."))
                (section::<Finding>(&viewer, "due", "Findings that are due next", "/app/findings?order=due", &soon, "Nothing is due."))
                (section::<EvidenceClaim>(&viewer, "evidence", "Evidence to review", "/app/evidence-claims?status=pending", &evidence, "No evidence waits for a review."))
                (section::<SubmissionPackage>(&viewer, "submissions", "Submissions in preparation", "/app/submission-packages?status=draft,in_review,ready", &packages, "Nothing is to be submitted."))
            }
        };
        let head = Head { title: "Overview", section: "/app", ..Head::default() };
        Ok(page_response(StatusCode::OK, page(&viewer, &head, &content)))
    })
}

fn newest() -> PageRequest {
    PageRequest { limit: PageLimit::clamped(SHOWN), ..PageRequest::default() }
}

/// The filter by the names of statuses.
fn by_status<R: Record>(names: &[String]) -> Filter<R> {
    let mut filter = Filter::default();
    if let Some((index, column, _)) = Filter::<R>::columns().find(|(_, column, _)| column.name == "status") {
        filter.set(index, names.iter().filter_map(|name| (column.parse)(name).ok()));
    }
    filter
}

async fn rows<R: Record>(
    app: &App,
    request: &ApiRequest,
    filter: &Filter<R>,
    page: &PageRequest,
) -> Result<Vec<Row>, Problem>
where
    DynStore: Reader<R>,
{
    let organization = request.principal()?.organization();
    let page = Reader::<R>::list(&*app.services.store, organization, filter, page).await?;
    Ok(page.items.iter().map(Row::of).collect())
}

fn section<R: Record>(viewer: &Viewer, name: &str, title: &str, all: &str, rows: &[Row], nothing: &str) -> Markup {
    let body = html! {
        @if rows.is_empty() { div.body { p.muted { (nothing) } } } @else { div.body.flush { (short_list(viewer, &register_of::<R>(), title, rows)) } }
    };
    html! { div.c6 { (card(name, title, &html! { a href=(all) { "All" } }, &body)) } }
}
