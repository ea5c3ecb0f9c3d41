//! The page of one record: its fields, and the history of its changes.

use kernel::{Entry, Timestamp};
use maud::{Markup, html};

use super::{Register, Row, value::value};
use crate::{
    components::{Head, Icon, actor, card, copyable, flash, heading, page, status},
    viewer::Viewer,
    words::{label, sentence, words},
};

/// The page of a record.
pub(crate) struct Detail<'d> {
    /// The register.
    pub(crate) register: Register,
    /// The address of the section in the rail that it belongs to.
    pub(crate) section: &'d str,
    /// The record.
    pub(crate) row: &'d Row,
    /// The newest entries of the audit log about it.
    pub(crate) history: &'d [Entry],
    /// What the person has just done.
    pub(crate) done: Option<&'d str>,
    /// Whether the person may edit it.
    pub(crate) may_edit: bool,
    /// Whether the person may read the audit log.
    pub(crate) may_read_audit_log: bool,
}

/// The page.
#[must_use]
pub(crate) fn detail(viewer: &Viewer, view: &Detail<'_>) -> Markup {
    let (register, row) = (&view.register, view.row);
    let (path, title) = (register.path(), row.name(register));
    let state = register.position("status").and_then(|index| row.values[index].as_value().as_str());
    let below = html! { @if let Some(state) = state { div.meta { (status(state)) } } };
    let actions = html! {
        @if view.may_edit { a.btn href={ (path) "/" (row.id) "/edit" } { (Icon::Pencil) "Edit" } }
    };
    let list_title = register.title();
    let content = html! {
        @if let Some(done) = view.done { (flash(done)) }
        (heading(title, &below, &actions))
        div.split {
            div.stack {
                @for index in long_texts(register) {
                    (card(register.columns[index].name, &label(&register.columns[index]), &html! {}, &prose(&row.values[index])))
                }
                (card("fields", "Fields", &html! {}, &fields(viewer, register, row)))
                (card("history", "History", &html! {
                    @if view.may_read_audit_log { a href={ "/app/audit?subjectId=" (row.id) } { "All in the audit log" } }
                }, &history(viewer, view.history, of_record)))
            }
            aside.aside aria-label="Record" {
                (card("record", "Record", &html! {}, &record(viewer, row)))
            }
        }
    };
    page(viewer, &Head { title, section: view.section, above: &[(&list_title, &path)], ..Head::default() }, &content)
}

/// The positions of the texts that are prose rather than values.
fn long_texts(register: &Register) -> impl Iterator<Item = usize> {
    let is_long =
        |column: &kernel::Column| matches!(column.column_type, kernel::ColumnType::Text { max, .. } if max > 1000);
    register.columns.iter().enumerate().filter(move |(_, column)| is_long(column)).map(|(index, _)| index)
}

fn prose(value: &kernel::OwnedScalar) -> Markup {
    let text = value.as_value().as_str().unwrap_or_default();
    html! {
        div.body {
            @if text.is_empty() { p.muted { "None" } } @else {
                div.prose { @for paragraph in text.split("\n\n") { p { (paragraph) } } }
            }
        }
    }
}

fn fields(viewer: &Viewer, register: &Register, row: &Row) -> Markup {
    let long: Vec<usize> = long_texts(register).collect();
    html! {
        div.body {
            dl.dl {
                @for (index, column) in register.columns.iter().enumerate().filter(|(index, _)| !long.contains(index)) {
                    dt { (label(column)) }
                    dd { (value(column, &row.values[index], &viewer.zone)) }
                }
            }
        }
    }
}

fn record(viewer: &Viewer, row: &Row) -> Markup {
    html! {
        div.body {
            dl.dl {
                dt { "Id" } dd { (copyable("record-id", &row.id, "id")) }
                dt { "Created" } dd { (viewer.zone.minute(row.created_at)) }
                dt { "Changed" } dd { (viewer.zone.minute(row.updated_at)) }
                dt { "Revision" } dd { (row.revision.0) }
            }
        }
    }
}

/// The entries of the audit log about a record, the newest first.
pub(crate) fn history(viewer: &Viewer, entries: &[Entry], describe: fn(&Entry) -> String) -> Markup {
    html! {
        div.body {
            @if entries.is_empty() { p.muted { "No change is recorded." } } @else {
                ol.tl { @for entry in entries { (history_entry(viewer, entry, describe)) } }
            }
        }
    }
}

/// The words for an entry about a record, after the name of its actor.
fn of_record(entry: &Entry) -> String {
    let verb = entry.action.0.split_once('.').map_or(&*entry.action.0, |(_, verb)| verb);
    format!("{} it", words(verb))
}

fn history_entry(viewer: &Viewer, entry: &Entry, describe: fn(&Entry) -> String) -> Markup {
    let at: Timestamp = entry.occurred_at;
    html! {
        li {
            span.dot { (Icon::Pencil) }
            div {
                div.line1 {
                    span { (actor(entry.actor.kind, &entry.actor.name)) " " (describe(entry)) }
                    span.t { (viewer.zone.minute(at)) }
                }
                @if let Some(reason) = &entry.reason { p.why { (reason.as_str()) } }
                @if !entry.changes.is_empty() {
                    p.small.muted { "Changed: " (entry.changes.iter().map(|change| sentence(&change.field)).collect::<Vec<_>>().join(", ")) }
                }
            }
        }
    }
}
