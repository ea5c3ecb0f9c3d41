//! The list of findings, with the selection for triage.

use std::collections::BTreeMap;

use auth::Permission;
use axum::http::StatusCode;
use findings::{Finding, Status};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Stored, Timestamp};
use maud::{Markup, html};

use super::{OPEN, finding::owner_of, is_open};
use crate::{
    components::{Head, Icon, due, form_token, heading, page, severity, status},
    pages::{
        forms::is_importable,
        owners::Owners,
        references::load_names,
        register_export::export_foot,
        register_list::{ListPage, load},
        saved_views::ViewBar,
        viewer,
    },
    registers::{
        ChosenFilters, ListView, RecordName, RecordNames, Row, filter_bar, import_button, is_by_change, nothing,
        order_of, pages, register_of,
    },
    response::page_response,
    viewer::Viewer,
    words::sentence,
};

/// Handles the request for a page of the list.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let page = match load::<Finding>(app, request).await? {
            Ok(page) => page,
            Err(redirect) => return Ok(redirect),
        };
        let user = request.principal()?.user()?.caller.user.meta.id.to_string();
        let found = page.items.iter().filter_map(|finding| owner_of(&finding.record));
        let subjects = page.items.iter().filter_map(|finding| finding.record.subject.as_ref());
        let subjects = subjects.map(|subject| subject.resource_id.to_string()).collect();
        let names = load_names(app, request.principal()?.organization(), &subjects).await?;
        let owners = Owners::load(app, request.principal()?.organization(), found).await?;
        let now = app.services.clock.now();
        let viewer = viewer(request)?;
        let bar = ViewBar::load(app, request, register_of::<Finding>()).await?;
        let tabs = views(&viewer, &bar, &page.chosen, &user, now);
        let foot = export_foot::<Finding>(app, request, &page.chosen)?;
        let parts = Parts { owners: &owners, names: &names, foot: &foot, tabs };
        Ok(page_response(StatusCode::OK, list(&viewer, &page, parts, now)))
    })
}

/// The parts of the page that other records state.
struct Parts<'p> {
    owners: &'p Owners,
    names: &'p RecordNames,
    /// The exports below the list.
    foot: &'p Markup,
    /// The saved views above it.
    tabs: Markup,
}

/// The page.
fn list(
    viewer: &Viewer,
    found: &ListPage<Finding>,
    Parts { owners, names, foot, tabs }: Parts<'_>,
    now: Timestamp,
) -> Markup {
    let may_change = viewer.role.permits(Permission::ChangeRecords);
    let register = register_of::<Finding>();
    let rows: Vec<Row> = found.items.iter().map(Row::of).collect();
    let view = ListView {
        register,
        section: "/app/findings",
        rows: &rows,
        names,
        filter_names: &found.filter_names,
        chosen: &found.chosen,
        cursor: found.cursor.as_deref(),
        next: found.next.as_deref(),
        may_create: may_change,
        may_import: is_importable(register.kind) && viewer.role.permits(Permission::ImportRecords),
        foot,
        notes: &BTreeMap::new(),
        now,
        tabs,
    };
    let create = html! {
        (import_button(&view))
        @if may_change { a.btn.primary href="/app/findings/new" { (Icon::Plus) "New finding" } }
    };
    let label = format!("Findings, {}", order_of(&found.chosen));
    let table = html! {
        div.tbl role="group" aria-label=(label) tabindex="0" {
            table.cards.compact[viewer.has_compact_rows] role="table" {
                caption.vh { (label) }
                thead role="rowgroup" { (headings(may_change, is_by_change(&found.chosen))) }
                tbody role="rowgroup" { @for finding in &found.items { (row(viewer, finding, (owners, names), (may_change, is_by_change(&found.chosen)), now)) } }
            }
        }
    };
    let content = html! {
        (heading("Findings", &html! {}, &create))
        (view.tabs)
        (filter_bar(viewer, &register, &found.chosen, view.filter_names, now))
        @if rows.is_empty() && view.next.is_none() { section.card aria-label="Findings" { (nothing(viewer, &view, &create)) } }
        @else if may_change {
            form.card.picks method="post" action="/app/findings/triage" aria-label="Findings" {
                (form_token(viewer))
                input type="hidden" name="back" value=(found.chosen.query());
                (table)
                div.bulk {
                    span.n {}
                    button.btn.sm.primary { "Triage the selected…" }
                    button.btn.sm.quiet.js-only.push type="button" data-pick-none { "Clear the selection" }
                }
                (pages(&view))
            }
        } @else { section.card aria-label="Findings" { (table) (pages(&view)) } }
    };
    page(viewer, &Head { title: "Findings", section: "/app/findings", ..Head::default() }, &content)
}

/// The bar of views, with those that everybody has.
fn views(viewer: &Viewer, bar: &ViewBar<'_>, chosen: &ChosenFilters, user: &str, now: Timestamp) -> Markup {
    let names = |statuses: &[Status]| statuses.iter().map(|status| status.name()).collect::<Vec<_>>().join(",");
    let open = names(&OPEN);
    let overdue = format!("/app/findings?dueBefore={}&order=due&status={open}", encoded(&now.to_string()));
    let links = [
        ("/app/findings".to_owned(), "All"),
        (format!("/app/findings?status={open}"), "All open"),
        ("/app/findings?severity=critical,high&status=open,triaged".to_owned(), "Critical and high"),
        ("/app/findings?status=open".to_owned(), "Needs triage"),
        (overdue.clone(), "Overdue"),
        (format!("/app/findings?ownerMemberUserId={user}"), "Mine"),
    ];
    // Overdue is overdue at any moment.
    let moment = chosen
        .value("dueBefore")
        .map(|moment| chosen.with("dueBefore", moment))
        .filter(|filters| filters.without(&["dueBefore"]).query() == format!("?order=due&status={open}"));
    let current = if moment.is_some() { overdue } else { format!("/app/findings{}", chosen.query()) };
    let links: Vec<(&str, &str)> = links.iter().map(|(href, title)| (href.as_str(), *title)).collect();
    bar.show(viewer, chosen, &links, &current)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn headings(may_change: bool, is_by_change: bool) -> Markup {
    html! {
        tr role="row" {
            @if may_change {
                th scope="col" role="columnheader" {
                    span.hit.js-only { input type="checkbox" data-pick-all aria-label="Select all on this page"; }
                }
            }
            th scope="col" role="columnheader" { "Severity" }
            th.p.w-title scope="col" role="columnheader" { "Finding" }
            th scope="col" role="columnheader" { "Status" }
            th scope="col" role="columnheader" { "Owner" }
            th scope="col" role="columnheader" { "Due" }
            th.t2 scope="col" role="columnheader" { "Source" }
            th.num.t2.gone scope="col" role="columnheader" { (if is_by_change { "Changed" } else { "Recorded" }) }
        }
    }
}

fn row(
    viewer: &Viewer,
    finding: &Stored<Finding>,
    (owners, names): (&Owners, &RecordNames),
    (may_change, is_by_change): (bool, bool),
    now: Timestamp,
) -> Markup {
    let meta = &finding.meta;
    let shown_at = if is_by_change { meta.updated_at } else { meta.created_at };
    let Finding { key, title, subject, source, due_at, .. } = &finding.record;
    let subject = subject.as_ref().map(|subject| subject.resource_id.as_str());
    let subject = subject.map(|subject| names.get(subject).map_or(subject, RecordName::short_text));
    html! {
        tr role="row" {
            @if may_change {
                td role="cell" {
                    span.hit { input.pick type="checkbox" name="id" value=(finding.meta.id) aria-label={ "Select " (key.as_str()) }; }
                }
            }
            td role="cell" { (severity(finding.record.severity)) }
            th.p.w-title scope="row" role="rowheader" {
                a.prime dir="auto" href={ "/app/findings/" (finding.meta.id) } { (title.as_str()) }
                span.sub { span.key { (key.as_str()) } @if let Some(subject) = subject { span { (subject) } } }
            }
            td role="cell" { (status(finding.record.status.name())) }
            td role="cell" { (owners.show(owner_of(&finding.record))) }
            td role="cell" data-l="Due" { (due(&viewer.zone, *due_at, is_open(finding.record.status), now)) }
            td.t2 role="cell" data-l="Source" { span.nowrap { (sentence(source.kind.name())) } }
            td.num.t2.gone role="cell" { span.muted.nowrap { (viewer.zone.day(shown_at, now)) } }
        }
    }
}
