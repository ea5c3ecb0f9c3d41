//! The page of one record: its fields, and the history of its changes.

use audit::StoredEntry;
use kernel::{Column, ColumnType, Kind, OwnedScalar};
use maud::{Markup, html};

use super::{
    RecordNames, Register, Row,
    history::{history, of_record},
    record_names::record_title,
    related::related,
    value::value,
};
use crate::{
    components::{Head, Icon, card, copyable, flash, heading, page, prose, status},
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
    /// The names of the records that it refers to.
    pub(crate) names: &'d RecordNames,
    /// The newest entries of the audit log about its changes.
    pub(crate) history: &'d [StoredEntry],
    /// The action that the person has just taken.
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
    /// The facts beside the status.
    pub(crate) meta: Markup,
    /// The buttons beside the heading.
    pub(crate) actions: Markup,
    /// The cards before the fields.
    pub(crate) cards: Markup,
    /// The content of the history's card after the history.
    pub(crate) after_history: Markup,
    /// The cards after the history.
    pub(crate) last_cards: Markup,
    /// The cards beside the page, after the details.
    pub(crate) aside: Markup,
    /// Whether a form that was sent has a problem.
    pub(crate) has_problem: bool,
}

/// The page.
#[must_use]
pub(crate) fn detail(viewer: &Viewer, view: &Detail<'_>) -> Markup {
    let (register, row) = (&view.register, view.row);
    let (path, title) = (register.path(), record_title(register, row, &viewer.zone, view.names));
    let title = title.as_ref();
    let state = register.position("status").and_then(|index| row.values[index].as_value().as_str());
    let slots = &view.slots;
    let severity = register
        .position("severity")
        .map(|index| value(&register.columns[index], &row.values[index], &viewer.zone, view.names));
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
    // Where cards of the kind come first, the fields stand beside them.
    let is_beside = !slots.cards.0.is_empty();
    let list_title = register.title();
    let content = html! {
        @if let Some(done) = view.done { (flash(done)) }
        (slots.notice)
        (heading(title, &below, &actions))
        div.split {
            div.stack {
                (slots.cards)
                @for index in long_texts(register).filter(|index| has_text(&row.values[*index])) {
                    (card(register.columns[index].name, &label(&register.columns[index]), &html! {}, &long_text(&row.values[index])))
                }
                @if !is_beside { (card("fields", "Fields", &html! {}, &fields(viewer, view))) }
                (card("history", "History", &html! {
                    @if view.may_read_audit_log { a href={ "/app/audit?subjectId=" (row.id) } { "All in the audit log" } }
                }, &html! { div.body { (history(viewer, view.history, of_record)) (slots.after_history) } }))
                (slots.last_cards)
            }
            aside.aside aria-label="Record" {
                @if is_beside { (card("fields", "Details", &html! {}, &fields(viewer, view))) }
                (slots.aside)
                (card("related", "Related records", &html! {}, &lists(&related(register, row))))
                (card("record", "Record", &html! {}, &record(viewer, row)))
            }
        }
    };
    page(
        viewer,
        &Head {
            title,
            section: view.section,
            above: &[(&list_title, &path)],
            has_problem: slots.has_problem,
            ..Head::default()
        },
        &content,
    )
}

/// The positions of the texts that are prose rather than values.
fn long_texts(register: &Register) -> impl Iterator<Item = usize> {
    let is_long = |column: &Column| matches!(column.column_type, ColumnType::Text { max, .. } if max > 1000);
    register.columns.iter().enumerate().filter(move |(_, column)| is_long(column)).map(|(index, _)| index)
}

fn has_text(value: &OwnedScalar) -> bool {
    value.as_value().as_str().is_some_and(|text| !text.is_empty())
}

fn long_text(value: &OwnedScalar) -> Markup {
    html! { div.body { div.prose { (prose(value.as_value().as_str().unwrap_or_default())) } } }
}

/// Whether the field says nothing: it is absent, and either only the server sets it, or it is a part of a group.
fn is_left_out(column: &Column, value: &OwnedScalar) -> bool {
    let is_part = column.name.starts_with("source_") || column.name.starts_with("subject_");
    *value == OwnedScalar::Null && (column.is_derived || is_part)
}

fn fields(viewer: &Viewer, view: &Detail<'_>) -> Markup {
    let (register, row) = (&view.register, view.row);
    let long: Vec<usize> = long_texts(register).collect();
    let is_above = |index: usize| {
        let is_title = register.name() == Some(index) && register.key() != Some(index);
        is_title || [register.position("status"), register.position("severity")].contains(&Some(index))
    };
    let is_shown = |index: usize, column: &Column| {
        // The files of a claim have a card of their own.
        let has_card = register.kind == Kind::EvidenceClaim && matches!(column.column_type, ColumnType::Groups);
        !long.contains(&index) && !is_above(index) && !has_card && !is_left_out(column, &row.values[index])
    };
    html! {
        div.body {
            dl.dl {
                @for (index, column) in register.columns.iter().enumerate().filter(|(index, column)| is_shown(*index, column)) {
                    dt { (label(column)) }
                    dd { (value(column, &row.values[index], &viewer.zone, view.names)) }
                }
            }
        }
    }
}

fn lists(lists: &[(String, String)]) -> Markup {
    html! { div.body { ul.stack.small { @for (title, address) in lists { li { a href=(address) { (title) } } } } } }
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
