//! The page of one record: its fields, and the history of its changes.

use audit::StoredEntry;
use maud::{Markup, html};

use super::{Register, Row, history, value::value};
use crate::{
    components::{Head, Icon, card, copyable, flash, heading, page, status},
    viewer::Viewer,
    words::label,
};

/// The page of a record.
pub(crate) struct Detail<'d> {
    /// The register.
    pub(crate) register: Register,
    /// The address of the section in the rail that it belongs to.
    pub(crate) section: &'d str,
    /// The record.
    pub(crate) row: &'d Row,
    /// The newest entries of the audit log about its changes.
    pub(crate) history: &'d [StoredEntry],
    /// What the person has just done.
    pub(crate) done: Option<&'d str>,
    /// Whether the person may edit it.
    pub(crate) may_edit: bool,
    /// Whether the person may read the audit log.
    pub(crate) may_read_audit_log: bool,
    /// The parts of the page that only some kinds of records have.
    pub(crate) slots: Slots,
}

/// The parts of a page that only some kinds of records have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    /// The notice at the top: what went wrong with the form that was sent.
    pub(crate) notice: Markup,
    /// What stands beside the status.
    pub(crate) meta: Markup,
    /// The buttons beside the heading.
    pub(crate) actions: Markup,
    /// The cards before the fields.
    pub(crate) cards: Markup,
    /// What follows the history in its card.
    pub(crate) after_history: Markup,
    /// The cards after the history.
    pub(crate) last_cards: Markup,
    /// Whether a form that was sent has a problem.
    pub(crate) has_problem: bool,
}

/// The page.
#[must_use]
pub(crate) fn detail(viewer: &Viewer, view: &Detail<'_>) -> Markup {
    let (register, row) = (&view.register, view.row);
    let (path, title) = (register.path(), row.name(register));
    let state = register.position("status").and_then(|index| row.values[index].as_value().as_str());
    let slots = &view.slots;
    let severity =
        register.position("severity").map(|index| value(&register.columns[index], &row.values[index], &viewer.zone));
    let below = html! {
        @if state.is_some() || severity.is_some() {
            div.meta {
                @if let Some(severity) = severity { (severity) }
                @if let Some(state) = state { (status(state)) }
                (slots.meta)
            }
        }
    };
    let actions = html! {
        (slots.actions)
        @if view.may_edit { a.btn href={ (path) "/" (row.id) "/edit" } { (Icon::Pencil) "Edit" } }
    };
    let list_title = register.title();
    let content = html! {
        @if let Some(done) = view.done { (flash(done)) }
        (slots.notice)
        (heading(title, &below, &actions))
        div.split {
            div.stack {
                (slots.cards)
                @for index in long_texts(register) {
                    (card(register.columns[index].name, &label(&register.columns[index]), &html! {}, &prose(&row.values[index])))
                }
                (card("fields", "Fields", &html! {}, &fields(viewer, register, row)))
                (card("history", "History", &html! {
                    @if view.may_read_audit_log { a href={ "/app/audit?subjectId=" (row.id) } { "All in the audit log" } }
                }, &html! { div.body { (history(viewer, view.history)) (slots.after_history) } }))
                (slots.last_cards)
            }
            aside.aside aria-label="Record" {
                (card("record", "Record", &html! {}, &record(viewer, row)))
            }
        }
    };
    page(
        viewer,
        &Head { title, section: view.section, above: &[(&list_title, &path)], has_problem: slots.has_problem },
        &content,
    )
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
