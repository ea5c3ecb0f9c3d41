//! The form in which a record is created or edited.

use std::collections::BTreeMap;

use kernel::{Column, ColumnType, OwnedScalar};
use maud::{Markup, html};

use super::{
    Named, References, Register, Row,
    form_text::shown_text,
    hint::hint,
    opened::{MergedTexts, digest, opened_name},
    record_names::is_person,
    references::{PEOPLE, people_list},
    typed::{TypedFaults, field_name, shown},
    value::value,
};
use crate::{
    components::{Field, Head, Icon, NONE, Tone, form_token, heading, note, page, problem_summary, reason},
    viewer::Viewer,
    words::{label, sentence},
    zone::Zone,
};

/// The name of the field for files.
pub(crate) const FILES: &str = "files";

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
    /// The hint of the field for files, if the form has one.
    pub(crate) files: Option<&'f str>,
    /// The texts with what another person stored since the form was opened, if somebody did. `current` is then that.
    pub(crate) conflict: Option<&'f MergedTexts>,
}

/// The page with the form.
#[must_use]
pub(crate) fn form(viewer: &Viewer, view: &RecordForm<'_>) -> Markup {
    let register = &view.register;
    let (path, noun) = (register.path(), register.noun());
    let title =
        view.current.map_or_else(|| format!("New {noun}"), |row| format!("Edit {}", row.title(register, &viewer.zone)));
    let action = view.current.map_or_else(|| path.clone(), |row| format!("{path}/{}/edit", row.id));
    let back = view.current.map_or_else(|| path.clone(), |row| format!("{path}/{}", row.id));
    let problems = problems(view);
    let list_title = register.title();
    let content = html! {
        @match view.current {
            Some(row) => (heading(&format!("Edit the {noun}"), &html! { p { (row.title(register, &viewer.zone)) } }, &NONE)),
            None => (heading(&title, &NONE, &NONE)),
        }
        @if let Some(merged) = view.conflict { (conflict_notice(viewer, view, merged)) }
        form.form method="post" action=(action) enctype=[view.files.map(|_| "multipart/form-data")] novalidate data-guard {
            // The token comes first: files are received only if it is right.
            (form_token(viewer))
            @if let Some(row) = view.current {
                input type="hidden" name="revision" value=(row.revision.0);
                @for index in shown(register, true) { (opened(viewer, view, row, index)) }
            }
            (problem_summary(&problems))
            (fields(viewer, view))
            (people_list(&view.references.people))
            section { (reason(typed(view, "reason").unwrap_or_default(), fault(view, "reason"))) }
            div.save {
                button.btn.primary { @if view.current.is_some() { "Save the changes" } @else { "Create the " (noun) } }
                a.btn.quiet href=(back) { "Cancel" }
            }
        }
    };
    let lists: [(&str, &str); 1] = [(&list_title, &path)];
    let name = view.current.map(|row| row.title(register, &viewer.zone));
    let record = name.as_deref().map(|name| (name, back.as_str()));
    let above: Vec<(&str, &str)> = lists.into_iter().chain(record).collect();
    let head = Head {
        title: &title,
        section: view.section,
        above: &above,
        has_problem: !problems.is_empty() || view.conflict.is_some(),
        ..Head::default()
    };
    page(viewer, &head, &content)
}

fn typed<'f>(view: &RecordForm<'f>, name: &str) -> Option<&'f str> {
    view.typed.and_then(|typed| typed.get(name)).map(String::as_str)
}

fn fault<'f>(view: &RecordForm<'f>, name: &str) -> Option<&'f str> {
    view.faults.0.get(name).map(String::as_str)
}

/// The faults in the order of their fields, each as a sentence that names its field.
fn problems(view: &RecordForm<'_>) -> Vec<(String, String)> {
    let register = &view.register;
    let (own, subject) = sections(view);
    let columns =
        own.into_iter().chain(subject).map(|index| (field_name(register, index), label(&register.columns[index])));
    let others = [(FILES, "Files"), ("reason", "Reason")].map(|(name, label)| (name.to_owned(), label.to_owned()));
    let fields = columns.chain(others);
    fields
        .filter_map(|(name, label)| fault(view, &name).map(|message| (name.clone(), format!("{label} {message}"))))
        .collect()
}

/// The fields in the order in which they stand: those of the record itself, then those that name its subject.
fn sections(view: &RecordForm<'_>) -> (Vec<usize>, Vec<usize>) {
    let names_subject = |index: &usize| view.register.columns[*index].name.starts_with("subject_");
    shown(&view.register, view.current.is_some()).into_iter().partition(|index| !names_subject(index))
}

fn fields(viewer: &Viewer, view: &RecordForm<'_>) -> Markup {
    let (own, subject) = sections(view);
    let is_optional = subject.iter().all(|index| view.register.columns[*index].nullable);
    html! {
        section {
            @for index in own { (control(viewer, view, index)) }
            @if let Some(hint) = view.files { (Field { name: FILES, label: "Files", hint, error: fault(view, FILES), optional: true }.files()) }
        }
        @if !subject.is_empty() {
            section aria-labelledby="h-subject" {
                div.sec {
                    h2 #h-subject { "What it is about" }
                    p {
                        "A record of any module, or something outside Novantra."
                        @if is_optional { " Leave all of it empty if there is none." }
                    }
                }
                div.pair { @for index in subject { (control(viewer, view, index)) } }
            }
        }
    }
}

fn control(viewer: &Viewer, view: &RecordForm<'_>, index: usize) -> Markup {
    let column = &view.register.columns[index];
    let name = field_name(&view.register, index);
    let found = view.references.found.get(&name).map_or(&[][..], Vec::as_slice);
    let text = match (view.typed, view.current) {
        (Some(_), _) => typed(view, &name).unwrap_or_default().to_owned(),
        (None, Some(row)) => shown_text(&view.register, row, view.references, &viewer.zone, index),
        (None, None) => String::new(),
    };
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
            // Only a status has a first value that is right for most new records.
            let is_open = text.is_empty() && !column.nullable && column.name != "status";
            let choose = is_open.then(|| ("", "Choose…".to_owned()));
            let names = names.iter().map(|name| (*name, sentence(name)));
            let options: Vec<(&str, String)> = choose.into_iter().chain(names).collect();
            field.select(&options, &text)
        }
        ColumnType::Text { max, .. } if max > 1000 => field.area(6, &text),
        ColumnType::Ids(_) | ColumnType::Groups => field.area(3, &text),
        ColumnType::Text { .. } if is_person(column) => field.naming(Some(PEOPLE), &text, &found),
        ColumnType::Text { .. } if Named::of(column).is_some() => field.naming(None, &text, &found),
        ColumnType::Text { .. } => field.input("text", if column.key.is_some() { "short m" } else { "" }, &text),
        ColumnType::Integer => field.input("text", "short", &text),
        ColumnType::Timestamp => field.time(&viewer.zone, &text),
        ColumnType::Id(_) => field.naming(None, &text, &found),
    }
}

fn is_empty_allowed(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Text { min: 0, .. } | ColumnType::Ids(_) | ColumnType::Groups)
}

/// The hidden field with the digest of the text that a field was opened with.
fn opened(viewer: &Viewer, view: &RecordForm<'_>, row: &Row, index: usize) -> Markup {
    let name = opened_name(&field_name(&view.register, index));
    let value = match view.typed {
        Some(_) => typed(view, &name).unwrap_or_default().to_owned(),
        None => digest(&shown_text(&view.register, row, view.references, &viewer.zone, index)),
    };
    html! { input type="hidden" name=(name) value=(value); }
}

/// The notice of a conflict, with the fields that both changed.
fn conflict_notice(viewer: &Viewer, view: &RecordForm<'_>, merged: &MergedTexts) -> Markup {
    let Some(stored) = view.current else { return html! {} };
    let zone = &viewer.zone;
    let others = match merged.changed_by_others.as_slice() {
        [] => String::new(),
        labels => format!(" They changed what you did not: {}.", labels.join(", ")),
    };
    let both = match merged.overlaps.is_empty() {
        true => "",
        false => {
            " Where both of you changed a field, you see both below: saving replaces what is stored by what you typed."
        }
    };
    let text = format!(
        "Nothing was saved yet. What you changed stands in the form, and every other field has what is stored now.{others}{both}"
    );
    let overlapping: Vec<usize> = shown(&view.register, true)
        .into_iter()
        .filter(|index| merged.overlaps.contains(&field_name(&view.register, *index)))
        .collect();
    html! {
        (note(Tone::Warning, "Somebody else changed this record while you edited it.", &text))
        @if !overlapping.is_empty() {
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
                        @for index in overlapping {
                            @let column = &view.register.columns[index];
                            tr role="row" {
                                th.p scope="row" role="rowheader" { (label(column)) }
                                td role="cell" data-l="Stored now" { del { (value(column, &stored.values[index], zone, &view.references.names)) } }
                                td role="cell" data-l="You typed" { ins { (typed_value(view, index, zone)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The text that was typed, as the same value is shown when it is stored.
fn typed_value(view: &RecordForm<'_>, index: usize, zone: &Zone) -> Markup {
    let (column, name) = (&view.register.columns[index], field_name(&view.register, index));
    let text = typed(view, &name).unwrap_or_default();
    let names = &view.references.names;
    let found = view.references.found.get(&name).map_or(&[][..], Vec::as_slice);
    let show = |scalar: &OwnedScalar| value(column, scalar, zone, names);
    match column.column_type {
        _ if !found.is_empty() => html! { @for name in found { span { (name.link()) } " " } },
        _ if text.trim().is_empty() => show(&OwnedScalar::Null),
        ColumnType::Name(options) => match options.iter().find(|option| **option == text) {
            Some(option) => show(&OwnedScalar::Name(option)),
            None => html! { (text) },
        },
        ColumnType::Timestamp => match zone.parse_input(text) {
            Ok(time) => show(&OwnedScalar::Timestamp(time)),
            Err(_) => html! { (text) },
        },
        _ => html! { (text) },
    }
}
