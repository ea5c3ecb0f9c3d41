//! Entries of the audit log in tables.

use audit::StoredEntry;
use kernel::{ActorKind, Entry};
use maud::{Markup, html};

use crate::{
    components::{TableColumn, actor, http_status, table},
    viewer::Viewer,
    words::{counted, sentence, sequence, shortened},
};

const fn column(title: &'static str, class: &'static str) -> TableColumn<'static> {
    TableColumn { title: std::borrow::Cow::Borrowed(title), class }
}

/// The entries as what was done, by whom, to what.
pub(in crate::pages) fn entries_table(viewer: &Viewer, label: &str, entries: &[StoredEntry]) -> Markup {
    const COLUMNS: [TableColumn<'static>; 7] = [
        column("Sequence", ""),
        column("Action", "p"),
        column("Outcome", ""),
        column("Actor", ""),
        column("Subject", "t2"),
        column("Changed", ""),
        column("Time", "num"),
    ];
    let rows = html! {
        @for stored in entries {
            @let entry = &stored.entry;
            tr role="row" {
                td role="cell" { span.mono.small.muted { @if let Some(seal) = &stored.seal { (sequence(seal.sequence)) } @else { "Not yet" } } }
                th.p scope="row" role="rowheader" { a.prime.mono href={ "/app/audit/" (entry.id) } { (entry.action) } }
                td role="cell" { (http_status(entry.status)) }
                td role="cell" { (actor(entry.actor.kind, &entry.actor.name)) }
                td.t2 role="cell" { (subject(entry)) }
                td role="cell" { span.nowrap { (changed(entry)) } }
                td.num role="cell" { span.nowrap { (viewer.zone.second(entry.occurred_at)) } }
            }
        }
    };
    table(label, true, &COLUMNS, &rows)
}

/// The entries as calls: what was requested, and how it was answered.
pub(in crate::pages) fn calls_table(viewer: &Viewer, label: &str, entries: &[StoredEntry]) -> Markup {
    const COLUMNS: [TableColumn<'static>; 5] = [
        column("Status", ""),
        column("Call", "p"),
        column("Subject", "t2"),
        column("From", "t2"),
        column("Time", "num"),
    ];
    let rows = html! {
        @for entry in entries.iter().map(|stored| &stored.entry) {
            tr role="row" {
                td role="cell" { (http_status(entry.status)) }
                th.p scope="row" role="rowheader" {
                    a.prime href={ "/app/audit/" (entry.id) } {
                        span.http.soft { (entry.origin.method.as_deref().unwrap_or("Task")) } " "
                        span.mono.small { (route(entry)) }
                    }
                }
                td.t2 role="cell" { (subject(entry)) }
                td.t2 role="cell" { span.small { (entry.origin.source_address.as_deref().unwrap_or("Unknown")) } }
                td.num role="cell" { span.nowrap { (viewer.zone.second(entry.occurred_at)) } }
            }
        }
    };
    table(label, true, &COLUMNS, &rows)
}

/// The route, without what all routes of the API begin with.
fn route(entry: &Entry) -> &str {
    let route = entry.origin.route.as_deref().unwrap_or(entry.action.as_str());
    route.strip_prefix("/api/v1").unwrap_or(route)
}

fn subject(entry: &Entry) -> Markup {
    match &entry.subject {
        Some(subject) => html! { span.key.nw title=(subject.id) { (shortened(&subject.id)) } },
        None => html! { span.muted { "None" } },
    }
}

fn changed(entry: &Entry) -> Markup {
    match &*entry.changes {
        [] => html! { span.muted { "nothing" } },
        [one] => html! { (sentence(&one.field).to_lowercase()) },
        more => html! { (counted(more.len(), "field", "fields")) },
    }
}

/// The kind of an actor in words.
pub(super) const fn kind_in_words(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::ServiceAccount => "Service account",
        ActorKind::User => "Person",
        ActorKind::System => "The system",
    }
}
