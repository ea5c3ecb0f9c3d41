//! The form in which a record is created or edited.

use std::collections::BTreeMap;

use kernel::{Column, ColumnType, OwnedScalar};
use maud::{Markup, html};

use super::{
    RecordName, References, Register, Row,
    hint::hint,
    record_names::is_person,
    references::{PEOPLE, people_list, reference_text},
    typed::{TypedFaults, field_name, hidden},
    value::value,
};
use crate::{
    components::{Field, Head, Icon, NONE, Tone, form_token, heading, note, page, problem_summary, reason},
    viewer::Viewer,
    words::{label, sentence},
    zone::Zone,
};

/// The form of a record.
pub(crate) struct RecordForm<'f> {
    /// The register.
    pub(crate) register: Register,
    /// The address of the section in the rail that it belongs to.
    pub(crate) section: &'f str,
    /// The record that is edited; `None` if one is created.
    pub(crate) current: Option<&'f Row>,
    /// The texts that were typed, by the name of each field; `None` for a form that was just opened.
    pub(crate) typed: Option<&'f BTreeMap<String, String>>,
    /// Their faults.
    pub(crate) faults: &'f TypedFaults,
    /// The records and people that its fields name.
    pub(crate) references: &'f References,
    /// Whether another person changed the record since the form was opened. `current` is then what they stored.
    pub(crate) is_conflict: bool,
}

/// The page with the form.
#[must_use]
pub(crate) fn form(viewer: &Viewer, view: &RecordForm<'_>) -> Markup {
    let register = &view.register;
    let (path, noun) = (register.path(), register.noun());
    let title = view.current.map_or_else(|| format!("New {noun}"), |row| format!("Edit {}", row.name(register)));
    let action = view.current.map_or_else(|| path.clone(), |row| format!("{path}/{}/edit", row.id));
    let back = view.current.map_or_else(|| path.clone(), |row| format!("{path}/{}", row.id));
    let problems = problems(view);
    let list_title = register.title();
    let content = html! {
        (heading(&title, &NONE, &NONE))
        @if view.is_conflict { (conflict_notice(viewer, view)) }
        form.form method="post" action=(action) novalidate data-guard {
            (form_token(viewer))
            @if let Some(row) = view.current { input type="hidden" name="revision" value=(row.revision.0); }
            (problem_summary(&problems))
            section {
                @for index in shown(view) { (control(viewer, view, index)) }
            }
            (people_list(&view.references.people))
            section { (reason(typed(view, "reason").unwrap_or_default(), fault(view, "reason"))) }
            div.save {
                button.btn.primary { @if view.current.is_some() { "Save the changes" } @else { "Create the " (noun) } }
                a.btn.quiet href=(back) { "Cancel" }
            }
        }
    };
    let lists: [(&str, &str); 1] = [(&list_title, &path)];
    let record = view.current.map(|row| (row.name(register), back.as_str()));
    let above: Vec<(&str, &str)> = lists.into_iter().chain(record).collect();
    let head = Head {
        title: &title,
        section: view.section,
        above: &above,
        has_problem: !problems.is_empty() || view.is_conflict,
        ..Head::default()
    };
    page(viewer, &head, &content)
}

fn shown(view: &RecordForm<'_>) -> Vec<usize> {
    let hidden = hidden(&view.register, view.current.is_some());
    (0..view.register.columns.len()).filter(|index| !hidden.contains(index)).collect()
}

fn typed<'f>(view: &RecordForm<'f>, name: &str) -> Option<&'f str> {
    view.typed.and_then(|typed| typed.get(name)).map(String::as_str)
}

fn fault<'f>(view: &RecordForm<'f>, name: &str) -> Option<&'f str> {
    view.faults.0.get(name).map(String::as_str)
}

/// The faults in the order of their fields, each as a sentence that names its field.
fn problems(view: &RecordForm<'_>) -> Vec<(String, String)> {
    let columns =
        shown(view).into_iter().map(|index| (field_name(&view.register, index), label(&view.register.columns[index])));
    let fields = columns.chain([("reason".to_owned(), "Reason".to_owned())]);
    fields
        .filter_map(|(name, label)| fault(view, &name).map(|message| (name.clone(), format!("{label} {message}"))))
        .collect()
}

fn control(viewer: &Viewer, view: &RecordForm<'_>, index: usize) -> Markup {
    let column = &view.register.columns[index];
    let name = field_name(&view.register, index);
    let found = view.references.found.get(&name).map_or(&[][..], Vec::as_slice);
    let current = view.current.map_or_else(String::new, |row| match found {
        [] => input_text(&row.values[index], &viewer.zone),
        found => found.iter().map(RecordName::input_text).collect::<Vec<_>>().join("\n"),
    });
    let text = view.typed.map_or(current, |_| typed(view, &name).unwrap_or_default().to_owned());
    let (title, hint) = (label(column), hint(&view.register, column));
    let found = html! { @for name in found { span { (Icon::Check) (name.link()) } } };
    let field = Field {
        name: &name,
        label: &title,
        hint: &hint,
        error: fault(view, &name),
        optional: column.nullable || is_empty_allowed(column),
    };
    match column.column_type {
        ColumnType::Name(names) => {
            let options: Vec<(&str, String)> = names.iter().map(|name| (*name, sentence(name))).collect();
            field.select(&options, &text)
        }
        ColumnType::Text { max, .. } if max > 1000 => field.area(6, &text),
        ColumnType::Ids(_) | ColumnType::Groups => field.area(3, &text),
        ColumnType::Text { .. } if is_person(column) => field.naming(Some(PEOPLE), &text, &found),
        ColumnType::Text { .. } => field.input("text", if column.key.is_some() { "short m" } else { "" }, &text),
        ColumnType::Integer => field.input("text", "short", &text),
        ColumnType::Timestamp => field.input("datetime-local", "short", &text),
        ColumnType::Id(_) => field.naming(None, &text, &found),
    }
}

fn is_empty_allowed(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Text { min: 0, .. } | ColumnType::Ids(_) | ColumnType::Groups)
}

/// The value as the control of its column takes it.
fn input_text(value: &OwnedScalar, zone: &Zone) -> String {
    match value {
        OwnedScalar::Null | OwnedScalar::Groups(_) => String::new(),
        OwnedScalar::Text(text) => text.clone(),
        OwnedScalar::Name(name) => (*name).to_owned(),
        OwnedScalar::Integer(number) => number.to_string(),
        OwnedScalar::Timestamp(time) => zone.input_minute(*time),
        OwnedScalar::Id(..) | OwnedScalar::Ids(..) => reference_text(value).replace(' ', "\n"),
    }
}

/// The notice of a conflict, with the fields in which what was typed differs from what is stored.
fn conflict_notice(viewer: &Viewer, view: &RecordForm<'_>) -> Markup {
    let Some(stored) = view.current else { return html! {} };
    let zone = &viewer.zone;
    let is_different = |index: &usize| {
        let text = input_text(&stored.values[*index], zone);
        let name = field_name(&view.register, *index);
        let ids = view
            .references
            .found
            .get(&name)
            .map(|found| found.iter().map(|name| name.id.as_str()).collect::<Vec<_>>().join("\n"));
        typed(view, &name).is_some_and(|typed| ids.as_deref().unwrap_or(typed.replace("\r\n", "\n").trim()) != text)
    };
    html! {
        (note(
            Tone::Warning,
            "Somebody else changed this record while you edited it.",
            "Nothing that you typed is lost: it stands in the form. Where it differs from what is stored now, you see both below. Save again to replace what is stored.",
        ))
        div.tbl role="group" aria-label="What you typed and what is stored" tabindex="0" {
            table.diff.cards role="table" {
                caption.vh { "What you typed and what is stored" }
                thead role="rowgroup" {
                    tr role="row" {
                        th.p scope="col" role="columnheader" { "Field" }
                        th scope="col" role="columnheader" { "Stored now" }
                        th scope="col" role="columnheader" { "You typed" }
                    }
                }
                tbody role="rowgroup" {
                    @for index in shown(view).into_iter().filter(is_different) {
                        @let column = &view.register.columns[index];
                        tr role="row" {
                            th.p scope="row" role="rowheader" { (label(column)) }
                            td role="cell" data-l="Stored now" { del { (value(column, &stored.values[index], zone, &view.references.names)) } }
                            td role="cell" data-l="You typed" { ins { (typed(view, &field_name(&view.register, index)).unwrap_or_default()) } }
                        }
                    }
                }
            }
        }
    }
}
