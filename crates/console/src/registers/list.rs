//! The list of a register.

use std::collections::BTreeMap;

use kernel::{Column, ColumnType, OwnedScalar, Timestamp};
use maud::{Markup, html};

use super::{
    ChosenFilters, FilterNames, RecordNames, Register, Row, columns,
    filter_bar::{chosen_texts, filter_bar, order_title},
    filters::ORDER,
    record_names::record_title,
    value::{cell, value},
};
use crate::{
    components::{Head, Icon, NONE, TableColumn, blank, due, heading, is_under_way, page, pager, table},
    viewer::Viewer,
    words::{counted, label, sentence, with_article},
};

/// The most filters that an empty list offers to drop.
const MAX_DROPPED: usize = 3;

/// The content of the list of a register.
pub(crate) struct ListView<'v> {
    /// The register.
    pub(crate) register: Register,
    /// The address of the section in the rail that it belongs to.
    pub(crate) section: &'v str,
    /// The records of this page.
    pub(crate) rows: &'v [Row],
    /// The chosen filters.
    pub(crate) chosen: &'v ChosenFilters,
    /// The cursor of this page; `None` for the first one.
    pub(crate) cursor: Option<&'v str>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<&'v str>,
    /// Whether the person may create records.
    pub(crate) may_create: bool,
    /// Whether the person may import records.
    pub(crate) may_import: bool,
    /// The links to the list as a file.
    pub(crate) foot: &'v Markup,
    /// The current time.
    pub(crate) now: Timestamp,
    /// The names of the records that the shown columns refer to.
    pub(crate) names: &'v RecordNames,
    /// The names of what the filters name.
    pub(crate) filter_names: &'v FilterNames,
    /// The second line of the titles of some rows, by the identifiers of their records.
    pub(crate) notes: &'v BTreeMap<String, String>,
    /// The links to the lists beside this one.
    pub(crate) tabs: Markup,
}

/// The page with a list.
#[must_use]
pub(crate) fn list(viewer: &Viewer, view: &ListView<'_>) -> Markup {
    let register = &view.register;
    let title = register.title();
    let path = register.path();
    let create = html! {
        (import_button(view))
        @if view.may_create {
            a.btn.primary href={ (path) "/new" } { (Icon::Plus) "New " (register.noun()) }
        }
    };
    let content = html! {
        (heading(&title, &NONE, &create))
        (view.tabs)
        (filter_bar(viewer, register, view.chosen, view.filter_names, view.now))
        section.card aria-label=(title) {
            @if view.rows.is_empty() && view.next.is_none() { (nothing(viewer, view, &create)) } @else {
                (table(&format!("{title}, {}", order_of(view.chosen)), viewer.has_compact_rows, &headings(register, view.chosen), &rows(viewer, view)))
                (pages(view))
            }
        }
    };
    page(viewer, &Head { title: &title, section: view.section, ..Head::default() }, &content)
}

/// Whether the list is in the order of changes, whose times it shows then; otherwise those at which records were made.
pub(crate) fn is_by_change(chosen: &ChosenFilters) -> bool {
    chosen.value(ORDER) == Some("updated")
}

fn headings(register: &Register, chosen: &ChosenFilters) -> Vec<TableColumn<'static>> {
    let shown = columns::shown(register);
    let named = register.name().is_some_and(|name| Some(name) != register.key());
    let key = (named && register.key().is_some()).then_some(TableColumn { title: "Key".into(), class: "" });
    let class = title_class(register);
    let title = register.name().map_or_else(|| sentence(&register.noun()), |index| label(&register.columns[index]));
    let others = shown
        .into_iter()
        .map(|index| &register.columns[index])
        .enumerate()
        .map(|(rank, column)| TableColumn { title: label(column).into(), class: class_of(column, rank) });
    key.into_iter()
        .chain([TableColumn { title: title.into(), class }])
        .chain(others)
        .chain([TableColumn {
            title: if is_by_change(chosen) { "Changed" } else { "Recorded" }.into(),
            class: "num gone",
        }])
        .collect()
}

/// The class of the column that names a record. Only a title needs much room, a key does not.
fn title_class(register: &Register) -> &'static str {
    if register.name().is_some_and(|name| Some(name) != register.key()) { "p w-title" } else { "p" }
}

/// The class of the column with this rank after the title: tablets leave the later ones out, phones have a line for each.
fn class_of(column: &Column, rank: usize) -> &'static str {
    let is_number = column.column_type == ColumnType::Integer || column.label.ends_with("_value");
    match (is_number, rank) {
        (false, 0 | 1) => "",
        (true, 0 | 1) => "num",
        (false, _) => "t3",
        (true, _) => "num t3",
    }
}

fn rows(viewer: &Viewer, view: &ListView<'_>) -> Markup {
    let register = &view.register;
    let shown = columns::shown(register);
    let key = register.key().filter(|key| register.name() != Some(*key));
    html! {
        @for row in view.rows {
            tr role="row" {
                @if let Some(key) = key { td role="cell" { (value(&register.columns[key], &row.values[key], &viewer.zone, view.names)) } }
                th class=(title_class(register)) scope="row" role="rowheader" {
                    a.prime dir="auto" href={ (register.path()) "/" (row.id) } { (record_title(register, row, &viewer.zone, view.names)) }
                    @if let Some(note) = view.notes.get(&row.id) { span.sub { (note) } }
                }
                @for (rank, index) in shown.iter().enumerate() {
                    @let column = &register.columns[*index];
                    td class={ (class_of(column, rank)) @if is_absent(&row.values[*index]) { " none" } } role="cell" data-l=[has_label(column).then(|| label(column))] { (shown_in_cell(viewer, view, row, *index)) }
                }
                td.num.gone role="cell" { span.muted.nowrap { (viewer.zone.day(if is_by_change(view.chosen) { row.updated_at } else { row.created_at }, view.now)) } }
            }
        }
    }
}

/// The value in its cell. A due date that has passed stands out as long as the record is open.
fn shown_in_cell(viewer: &Viewer, view: &ListView<'_>, row: &Row, index: usize) -> Markup {
    let (register, value) = (&view.register, &row.values[index]);
    let column = &register.columns[index];
    match value {
        OwnedScalar::Timestamp(time) if column.name == "due_at" => {
            let status = register.position("status").and_then(|status| row.values[status].as_value().as_str());
            due(&viewer.zone, Some(*time), status.is_none_or(is_under_way), view.now)
        }
        _ => cell(column, value, &viewer.zone, view.names, view.now),
    }
}

/// Whether there is no value, of which narrow screens show nothing.
fn is_absent(value: &OwnedScalar) -> bool {
    *value == OwnedScalar::Null || value.as_value().as_str().is_some_and(str::is_empty)
}

/// Whether narrow screens, which show a row without the headings, need the label beside a value.
fn has_label(column: &Column) -> bool {
    !matches!(column.name, "status" | "severity")
}

/// The order of the list in words: "newest first".
pub(crate) fn order_of(chosen: &ChosenFilters) -> String {
    format!("{} first", order_title(chosen.value(ORDER)).to_lowercase())
}

/// The button that leads to the import of a table of these records.
pub(crate) fn import_button(view: &ListView<'_>) -> Markup {
    let kind = view.register.kind.name().replace('_', "-");
    html! {
        @if view.may_import { a.btn href={ "/app/import?kind=" (kind) } { (Icon::Upload) "Import…" } }
    }
}

/// The foot of the list.
pub(crate) fn pages(view: &ListView<'_>) -> Markup {
    let path = view.register.path();
    let query = view.chosen.query();
    let separator = if query.is_empty() { '?' } else { '&' };
    let older = view.next.map(|cursor| format!("{path}{query}{separator}cursor={cursor}"));
    let first = view.cursor.map(|_| format!("{path}{query}"));
    let nouns = view.register.nouns();
    let is_whole = view.cursor.is_none() && view.next.is_none();
    let summary = html! {
        // A number is shown only if the page has all of them: nothing counts a collection for a visit.
        @if is_whole { (counted(view.rows.len(), &view.register.noun(), &nouns)) ", " (order_of(view.chosen)) }
        @else { "Some of the " (nouns) ", " (order_of(view.chosen)) }
    };
    html! { (pager(&summary, first.as_deref(), older.as_deref())) (view.foot) }
}

/// The notice that replaces an empty list: what to do first, or which filter to drop.
pub(crate) fn nothing(viewer: &Viewer, view: &ListView<'_>, create: &Markup) -> Markup {
    let register = &view.register;
    if view.chosen.is_empty() && view.cursor.is_none() {
        let text = match view.may_create {
            true => format!(
                "Import them from a spreadsheet, let a program send them, or create {} here.",
                with_article(&register.noun())
            ),
            false => "They appear here once an import or a program has sent them.".to_owned(),
        };
        return blank(Icon::Assessment, &format!("No {} yet", register.nouns()), &text, create);
    }
    let chosen = chosen_texts(viewer, register, view.chosen, view.filter_names);
    let path = register.path();
    let title = format!("No {} matches these filters", register.noun());
    let actions = html! {
        @if chosen.len() > 1 {
            @for (name, text) in chosen.iter().take(MAX_DROPPED) {
                a.btn href={ (path) (view.chosen.query_without(Some(name))) } { "Without " (text) }
            }
        }
        a.btn href=(path) { "Show all " (register.nouns()) }
    };
    let text = match chosen.as_slice() {
        [] => "There are no more pages. Go back to the first one.".to_owned(),
        [(_, text)] => format!("None has {text}. Drop this filter to see the others."),
        _ => "Drop one of the filters, or all of them.".to_owned(),
    };
    blank(Icon::Search, &title, &text, &actions)
}
