//! The calendar of submissions: what is to be submitted, month by month, and what waits for an answer.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Filter, Order, PageLimit, PageRequest, Reader, Stored, Timestamp};
use maud::{Markup, html};
use submissions::{SubmissionPackage, SubmissionPackageStatus};

use crate::{
    components::{Head, Icon, NONE, TableColumn, blank, card, due, heading, page, status, table},
    pages::{tabs::submission_tabs, viewer},
    response::page_response,
    viewer::Viewer,
    words::counted,
};

/// The most packages of each group that the page looks at.
const SHOWN: u64 = 200;

/// The statuses before the submission.
const IN_PREPARATION: [SubmissionPackageStatus; 3] =
    [SubmissionPackageStatus::Draft, SubmissionPackageStatus::InReview, SubmissionPackageStatus::Ready];

/// The statuses in which the recipient has yet to answer, and those after an answer that asks for more.
const AT_RECIPIENT: [SubmissionPackageStatus; 3] =
    [SubmissionPackageStatus::Submitted, SubmissionPackageStatus::Acknowledged, SubmissionPackageStatus::Rejected];

/// Packages, soonest first.
struct Packages {
    items: Vec<Stored<SubmissionPackage>>,
    has_more: bool,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let preparation = load(app, request, &IN_PREPARATION).await?;
        let answers = load(app, request, &AT_RECIPIENT).await?;
        let now = app.services.clock.now();
        Ok(page_response(StatusCode::OK, calendar(&viewer(request)?, &preparation, &answers, now)))
    })
}

/// Loads the packages with these statuses that are due first, by the index of due dates.
async fn load(app: &App, request: &ApiRequest, statuses: &[SubmissionPackageStatus]) -> Result<Packages, Problem> {
    let filter = Filter::<SubmissionPackage>::default().with("status", statuses.iter().copied());
    let page = PageRequest { limit: PageLimit::clamped(SHOWN), order: Order::Due, ..PageRequest::default() };
    let organization = request.principal()?.organization();
    let page = Reader::<SubmissionPackage>::list(&*app.services.store, organization, &filter, &page).await?;
    Ok(Packages { items: page.items, has_more: page.next.is_some() })
}

/// The months with their packages, in order; those without a due date come last.
fn months<'p>(
    viewer: &Viewer,
    packages: &'p [Stored<SubmissionPackage>],
) -> Vec<(String, Vec<&'p Stored<SubmissionPackage>>)> {
    let mut months: Vec<(String, Vec<&Stored<SubmissionPackage>>)> = Vec::new();
    for package in packages {
        let month = package.record.due_at.map_or_else(|| "Without a due date".to_owned(), |due| viewer.zone.month(due));
        match months.last_mut() {
            Some((last, of_month)) if *last == month => of_month.push(package),
            _ => months.push((month, vec![package])),
        }
    }
    months
}

fn calendar(viewer: &Viewer, preparation: &Packages, answers: &Packages, now: Timestamp) -> Markup {
    let below = html! { p { "What is to be submitted, month by month, and what is with its recipient." } };
    let content = html! {
        (heading("Submissions", &below, &NONE))
        (submission_tabs("/app/submissions"))
        @if preparation.items.is_empty() {
            section.card aria-label="To be submitted" {
                @let all = html! { a.btn href="/app/submission-packages" { "All packages" } };
                (blank(Icon::Submission, "Nothing is to be submitted", "Packages in preparation appear here by their due dates. Create one, or import them.", &all))
            }
        }
        @for (index, (month, packages)) in months(viewer, &preparation.items).iter().enumerate() {
            @let count = html! { span.small.muted { (counted(packages.len(), "package", "packages")) } };
            (card(&format!("month-{index}"), month, &count, &html! { div.body.flush { (rows(viewer, month, packages, true, now)) } }))
        }
        @if preparation.has_more { p.small.muted { "The " (SHOWN) " packages in preparation that are due first. " a href="/app/submission-packages?status=draft,in_review,ready&order=due" { "All of them" } } }
        @if !answers.items.is_empty() {
            @let packages: Vec<_> = answers.items.iter().collect();
            (card("answers", "With the recipient", &NONE, &html! { div.body.flush { (rows(viewer, "With the recipient", &packages, false, now)) } }))
        }
    };
    page(viewer, &Head { title: "Submissions", section: "/app/submissions", ..Head::default() }, &content)
}

fn rows(
    viewer: &Viewer,
    label: &str,
    packages: &[&Stored<SubmissionPackage>],
    is_preparation: bool,
    now: Timestamp,
) -> Markup {
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let last = if is_preparation { heading("Changed", "num t2") } else { heading("Submitted", "num t2") };
    let columns = [
        heading("Due", "w-due"),
        heading("Package", "p w-title"),
        heading("Status", ""),
        heading("Reference", "t2"),
        last,
    ];
    let rows = html! {
        @for package in packages {
            @let SubmissionPackage { key, title, due_at, submitted_at, recipient_reference, .. } = &package.record;
            tr role="row" {
                td.w-due role="cell" data-l="Due" { (due(&viewer.zone, *due_at, is_preparation, now)) }
                th.p.w-title scope="row" role="rowheader" {
                    a.prime href={ "/app/submission-packages/" (package.meta.id) } { (title.as_str()) }
                    span.sub { span.key { (key.as_str()) } }
                }
                td role="cell" { (status(package.record.status.name())) }
                td.t2 role="cell" data-l="Reference" {
                    @if let Some(reference) = recipient_reference { span.key { (reference.as_str()) } } @else { span.muted { "None" } }
                }
                td.num.t2 role="cell" { span.muted.nowrap { (viewer.zone.day(submitted_at.filter(|_| !is_preparation).unwrap_or(package.meta.updated_at), now)) } }
            }
        }
    };
    table(label, viewer.has_compact_rows, &columns, &rows)
}
