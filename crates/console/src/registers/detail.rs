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
    components::{Head, Icon, card, copyable, flash, heading, page, prose},
    viewer::Viewer,
    words::{label, sentence},
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
    let slots = &view.slots;
    let shown = |name: &str| {
        let index = register.position(name)?;
        Some(value(&register.columns[index], &row.values[index], &viewer.zone, view.names))
    };
    // Where cards of the kind come first, the fields stand beside them.
    let is_beside = !slots.cards.0.is_empty();
    let key = key_below(register).filter(|_| !is_beside).and_then(|index| row.values[index].as_value().as_str());
    let facts: Vec<Markup> = FACTS.into_iter().filter_map(shown).collect();
    let below = html! {
        @if !facts.is_empty() || key.is_some() {
            div.meta {
                @for fact in &facts { (fact) }
                (slots.meta)
                @if let Some(key) = key { (copyable("record-key", key, "key")) }
            }
        }
    };
    let actions = html! {
        (slots.actions)
        @if view.may_edit { a.btn href={ (path) "/" (row.id) "/edit" } { (Icon::Pencil) "Edit" } }
    };
    let details = details(viewer, view, key_below(register).filter(|_| key.is_some()));
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
                @if !is_beside { (details) }
                (card("history", "History", &html! {
                    @if view.may_read_audit_log { a href={ "/app/audit?subjectId=" (row.id) } { "All in the audit log" } }
                }, &html! { div.body { (history(viewer, view.history, of_record)) (slots.after_history) } }))
                (slots.last_cards)
            }
            aside.aside aria-label="Record" {
                @if is_beside { (details) }
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

/// The position of the key that stands below the heading: that of a record whose title is another text.
fn key_below(register: &Register) -> Option<usize> {
    register.key().filter(|key| register.name() != Some(*key))
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

/// The facts that stand below the heading.
const FACTS: [&str; 4] = ["severity", "status", "result", "aggregate_result"];

/// The card with the fields that stand nowhere else. `key` is that of the record if it stands below the heading.
fn details(viewer: &Viewer, view: &Detail<'_>, key: Option<usize>) -> Markup {
    let (register, row) = (&view.register, view.row);
    let long: Vec<usize> = long_texts(register).collect();
    let is_above = |index: usize, column: &Column| {
        let is_title = register.name() == Some(index) && register.key() != Some(index);
        is_title || key == Some(index) || FACTS.contains(&column.name)
    };
    let is_shown = |index: usize, column: &Column| {
        // The files of a claim have a card of their own.
        let has_card = register.kind == Kind::EvidenceClaim && matches!(column.column_type, ColumnType::Groups);
        !long.contains(&index) && !is_above(index, column) && !has_card && !is_left_out(view, index)
    };
    let shown: Vec<usize> =
        (0..register.columns.len()).filter(|index| is_shown(*index, &register.columns[*index])).collect();
    if shown.is_empty() {
        return html! {};
    }
    let body = html! {
        div.body {
            dl.dl {
                @for index in shown {
                    @let column = &register.columns[index];
                    dt { (label(column)) }
                    dd {
                        @if let Some(kind) = kind_of_reference(view, index) { span.soft { (sentence(kind)) " " } }
                        (value(column, &row.values[index], &viewer.zone, view.names))
                    }
                }
            }
        }
    };
    card("fields", "Details", &html! {}, &body)
}

/// Whether the field says nothing: it is absent, and either only the server sets it, or it is a part of a group; or it
/// only says of which kind a record is that is shown by its name.
fn is_left_out(view: &Detail<'_>, index: usize) -> bool {
    let column = &view.register.columns[index];
    let is_part = column.name.starts_with("source_") || column.name.starts_with("subject_");
    let is_absent = view.row.values[index] == OwnedScalar::Null && (column.is_derived || is_part);
    let group = ["_module_key", "_resource_type"].iter().find_map(|end| column.name.strip_suffix(end));
    let reference = group.and_then(|group| view.register.position(&format!("{group}_resource_id")));
    is_absent || reference.is_some_and(|reference| kind_of_reference(view, reference).is_some())
}

/// The kind of the record that the value of a group such as the subject names, if the record is known.
fn kind_of_reference<'d>(view: &'d Detail<'_>, index: usize) -> Option<&'d str> {
    let group = view.register.columns[index].name.strip_suffix("_resource_id")?;
    view.names.get(view.row.values[index].as_value().as_str()?)?;
    let kind = view.register.position(&format!("{group}_resource_type"))?;
    view.row.values[kind].as_value().as_str()
}

fn lists(lists: &[(String, String)]) -> Markup {
    html! { div.body { ul.links.small { @for (title, address) in lists { li { a href=(address) { (title) } } } } } }
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
