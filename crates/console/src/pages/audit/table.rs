//! Entries of the audit log in tables.

use audit::StoredEntry;
use kernel::{ActorKind, Entry, FieldValue};
use maud::{Markup, html};

use super::summaries;
use crate::{
    components::{TableColumn, actor, http_status, table},
    pages::references::has_pages,
    registers::RecordNames,
    viewer::Viewer,
    words::{counted, field_label, sequence, shortened},
};

const fn column(title: &'static str, class: &'static str) -> TableColumn<'static> {
    TableColumn { title: std::borrow::Cow::Borrowed(title), class }
}

/// The entries as what was done, by whom, to what.
pub(in crate::pages) fn entries_table(
    viewer: &Viewer,
    names: &RecordNames,
    label: &str,
    entries: &[StoredEntry],
) -> Markup {
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
                th.p scope="row" role="rowheader" {
                    a.prime.mono href={ "/app/audit/" (entry.id) } { (breakable(entry.action.as_str())) }
                    (summaries::line(viewer, entry))
                    @if let Some(reason) = &entry.reason { span.also { (reason.as_str()) } }
                }
                td role="cell" { (http_status(entry.status)) }
                td role="cell" { (actor(entry.actor.kind, &entry.actor.name)) }
                td.t2 role="cell" { (subject(names, entry)) }
                td role="cell" { (changed(viewer, entry)) }
                td.num role="cell" { span.nowrap { (viewer.zone.second(entry.occurred_at)) } }
            }
        }
    };
    table(label, true, &COLUMNS, &rows)
}

/// The entries as calls: what was requested, and how it was answered.
pub(in crate::pages) fn calls_table(
    viewer: &Viewer,
    names: &RecordNames,
    label: &str,
    entries: &[StoredEntry],
) -> Markup {
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
                    (summaries::line(viewer, entry))
                }
                td.t2 role="cell" { (subject(names, entry)) }
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

fn subject(names: &RecordNames, entry: &Entry) -> Markup {
    match &entry.subject {
        Some(subject) => html! { span title=(subject.id) { (subject_link(names, &subject.id)) } },
        None => html! { span.muted { "None" } },
    }
}

/// The subject by its key or name, or else by its identifier, with a link if it has a page.
pub(super) fn subject_link(names: &RecordNames, id: &str) -> Markup {
    let text = names.get(id).map_or_else(|| shortened(id), |name| name.short_text().to_owned());
    html! {
        @if has_page(id) { a.key.nw href={ "/app/go?q=" (id) } { (text) } } @else { span.key.nw { (text) } }
    }
}

/// The kinds of identifiers beside those of registers that the jump box leads from to a page.
const WITH_PAGES: [&str; 6] = ["aud", "findev", "svc", "user", "whdel", "whsub"];

fn has_page(id: &str) -> bool {
    id.rsplit_once('_').is_some_and(|(prefix, _)| WITH_PAGES.contains(&prefix) || has_pages(prefix))
}

/// The longest new value that a row shows.
const MAX_VALUE: usize = 32;

fn changed(viewer: &Viewer, entry: &Entry) -> Markup {
    match summaries::changes(entry) {
        [] => html! {},
        [one] => {
            html! { (field_label(&one.field)) @if let Some(value) = short_value(viewer, &one.after) { ": " (value) } }
        }
        more => html! { (counted(more.len(), "field", "fields")) },
    }
}

fn short_value(viewer: &Viewer, value: &FieldValue) -> Option<Markup> {
    match value {
        FieldValue::Text(text) => match text.parse() {
            Ok(time) => Some(viewer.zone.minute(time)),
            Err(_) => (!text.is_empty() && text.chars().count() <= MAX_VALUE).then(|| html! { (text) }),
        },
        FieldValue::Bool(value) => Some(html! { (value) }),
        FieldValue::Integer(number) => Some(html! { (number) }),
        FieldValue::Null => Some(html! { "none" }),
        FieldValue::Texts(texts) => Some(html! { (counted(texts.len(), "value", "values")) }),
    }
}

/// A name with dots and underscores, which may be broken after each.
fn breakable(name: &str) -> Markup {
    html! {
        @for part in name.split_inclusive(['.', '_']) { (part) @if part.ends_with(['.', '_']) { wbr; } }
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
