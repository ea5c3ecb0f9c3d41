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

use super::recipients::{RECIPIENT, Recipients};
use crate::{
    components::{Head, Icon, NONE, TableColumn, blank, card, due, heading, page, status, table},
    pages::{form_texts::query_value, tabs::submission_tabs, viewer},
    response::page_response,
    viewer::Viewer,
    words::counted,
};

/// The most packages of each group that the page looks at.
const SHOWN: u64 = 200;

/// The statuses in which the recipient has yet to answer.
const AT_RECIPIENT: [SubmissionPackageStatus; 2] =
    [SubmissionPackageStatus::Submitted, SubmissionPackageStatus::Acknowledged];

/// Packages, in the order in which they are shown.
struct Packages {
    items: Vec<Stored<SubmissionPackage>>,
    has_more: bool,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let recipients = Recipients::load(app, request).await?;
        let chosen = query_value(request, RECIPIENT).filter(|name| !name.is_empty());
        let awaiting = &SubmissionPackageStatus::AWAITING_SUBMISSION;
        let awaiting = load(app, request, awaiting, Order::Due, &recipients, chosen.as_deref());
        let answers = load(app, request, &AT_RECIPIENT, Order::Newest, &recipients, chosen.as_deref());
        let view = View {
            awaiting: awaiting.await?,
            answers: answers.await?,
            recipients,
            chosen,
            now: app.services.clock.now(),
        };
        Ok(page_response(StatusCode::OK, calendar(&viewer(request)?, &view)))
    })
}

/// The content of the page.
struct View {
    /// The packages that are to be submitted, for the first time or after a rejection.
    awaiting: Packages,
    answers: Packages,
    recipients: Recipients,
    /// The name of the recipient whose packages are shown; `None` for those of all.
    chosen: Option<String>,
    now: Timestamp,
}

/// Loads the first packages with these statuses in this order, those of one recipient if one is chosen.
async fn load(
    app: &App,
    request: &ApiRequest,
    statuses: &[SubmissionPackageStatus],
    order: Order,
    recipients: &Recipients,
    chosen: Option<&str>,
) -> Result<Packages, Problem> {
    let mut filter = Filter::<SubmissionPackage>::default().with("status", statuses.iter().copied());
    if let Some(name) = chosen {
        let requirements = recipients.requirements(name);
        if requirements.is_empty() {
            return Ok(Packages { items: Vec::new(), has_more: false });
        }
        filter = filter.with("submission_requirement_id", requirements);
    }
    let page = PageRequest { limit: PageLimit::clamped(SHOWN), order, ..PageRequest::default() };
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

fn calendar(viewer: &Viewer, view: &View) -> Markup {
    let (awaiting, answers) = (&view.awaiting, &view.answers);
    let below = html! { p { "What is to be submitted, month by month, and what is with its recipient." } };
    let content = html! {
        (heading("Submissions", &below, &NONE))
        (submission_tabs("/app/submissions"))
        (view.recipients.filter(view.chosen.as_deref()))
        @if awaiting.items.is_empty() {
            section.card aria-label="To be submitted" {
                @let all = html! { a.btn href="/app/submission-packages" { "All packages" } };
                (blank(Icon::Submission, "Nothing is to be submitted", "Packages in preparation, and those that were rejected, appear here by their due dates. Create one, or import them.", &all))
            }
        }
        @for (index, (month, packages)) in months(viewer, &awaiting.items).iter().enumerate() {
            @let count = html! { span.small.muted { (counted(packages.len(), "package", "packages")) } };
            (card(&format!("month-{index}"), month, &count, &html! { div.body.flush { (rows(viewer, view, month, packages, true)) } }))
        }
        @if awaiting.has_more { p.small.muted { "The " (SHOWN) " packages to be submitted that are due first. " a href="/app/submission-packages?status=draft,in_review,ready,rejected&order=due" { "All of them" } } }
        @if !answers.items.is_empty() {
            @let packages: Vec<_> = answers.items.iter().collect();
            (card("answers", "With the recipient", &NONE, &html! { div.body.flush { (rows(viewer, view, "With the recipient", &packages, false)) } }))
            @if answers.has_more { p.small.muted { "The newest " (SHOWN) " packages that are with their recipient. " a href="/app/submission-packages?status=submitted,acknowledged" { "All of them" } } }
        }
    };
    page(viewer, &Head { title: "Submissions", section: "/app/submissions", ..Head::default() }, &content)
}

fn rows(
    viewer: &Viewer,
    view: &View,
    label: &str,
    packages: &[&Stored<SubmissionPackage>],
    is_awaiting: bool,
) -> Markup {
    let heading = |title: &'static str, class: &'static str| TableColumn { title: title.into(), class };
    let last = if is_awaiting { heading("Changed", "num t2") } else { heading("Submitted", "num t2") };
    let columns = [
        heading("Due", "w-due"),
        heading("Package", "p w-title"),
        heading("Status", ""),
        heading("Recipient", ""),
        heading("Reference", "t2"),
        last,
    ];
    let now = view.now;
    let rows = html! {
        @for package in packages {
            @let SubmissionPackage { key, title, due_at, submitted_at, recipient_reference, .. } = &package.record;
            tr role="row" {
                td.w-due role="cell" data-l="Due" { (due(&viewer.zone, *due_at, is_awaiting, now)) }
                th.p.w-title scope="row" role="rowheader" {
                    a.prime dir="auto" href={ "/app/submission-packages/" (package.meta.id) } { (title.as_str()) }
                    span.sub { span.key { (key.as_str()) } }
                }
                td role="cell" { (status(package.record.status.name())) }
                td role="cell" data-l="Recipient" {
                    @if let Some(name) = view.recipients.of(package) { bdi { (name) } } @else { span.muted { "None" } }
                }
                td.t2 role="cell" data-l="Reference" {
                    @if let Some(reference) = recipient_reference { span.key { (reference.as_str()) } } @else { span.muted { "None" } }
                }
                td.num.t2 role="cell" { span.muted.nowrap { (viewer.zone.day(submitted_at.filter(|_| !is_awaiting).unwrap_or(package.meta.updated_at), now)) } }
            }
        }
    };
    table(label, viewer.has_compact_rows, &columns, &rows)
}
