//! The history of a record: who did what and why, from the audit log.

use std::borrow::Cow;

use audit::StoredEntry;
use kernel::{Change, Column, ColumnType, Entry, FieldValue, Timestamp, Ulid};
use maud::{Markup, html};

use super::register::all_registers;

use crate::{
    components::{Icon, actor, prose},
    viewer::Viewer,
    words::{field_label, words},
    zone::Zone,
};

/// The fields of an event that the line about it says, or that say nothing to a reader.
const NOT_LISTED: [&str; 10] = [
    "closed_at",
    "event_duplicate_of_finding_id",
    "event_id",
    "event_type",
    "event_kind",
    "event_note",
    "event_occurred_at",
    "event_external_reference",
    "event_recipient_reference",
    "status",
];

/// The longest value that the history shows.
const MAX_VALUE: usize = 120;

/// The entries, the newest first; `describe` says what the actor of one did.
pub(crate) fn history(viewer: &Viewer, entries: &[StoredEntry], describe: fn(&Entry) -> String) -> Markup {
    html! {
        @if entries.is_empty() { p.muted { "No change is recorded." } } @else {
            ol.tl { @for stored in entries { (line(viewer, &stored.entry, describe)) } }
        }
    }
}

fn line(viewer: &Viewer, entry: &Entry, describe: fn(&Entry) -> String) -> Markup {
    let note = text(entry, "event_note");
    let reference = text(entry, "event_external_reference").or_else(|| text(entry, "event_recipient_reference"));
    let verb = verb(entry);
    let status = entry.changes.iter().find(|change| change.field == "status");
    let others: Vec<&Change> = if verb == "created" {
        Vec::new()
    } else {
        entry.changes.iter().filter(|change| !NOT_LISTED.contains(&&*change.field)).collect()
    };
    html! {
        li {
            (dot(verb))
            div {
                div.line1 {
                    span {
                        (actor(entry.actor.kind, &entry.actor.name)) " " (describe(entry))
                        @if let Some(status) = status.filter(|_| verb != "created") {
                            ": " b { (shown(&viewer.zone, status.field.as_ref(), &status.before)) } " to " b { (shown(&viewer.zone, status.field.as_ref(), &status.after)) }
                        }
                    }
                    " " span.t { (viewer.zone.minute(entry.occurred_at)) }
                }
                @if let Some(reason) = &entry.reason { p.why.lines dir="auto" { (reason.as_str()) } }
                @if note.is_some() || reference.is_some() {
                    div.say {
                        @if let Some(note) = note { (prose(note)) }
                        @if let Some(reference) = reference { p.small.muted { "Reference " (reference) } }
                    }
                }
                @if !others.is_empty() {
                    ul.small.muted { @for change in others { li { (field_label(&change.field)) ": " @if change.before != FieldValue::Null { (shown(&viewer.zone, change.field.as_ref(), &change.before)) " to " } (shown(&viewer.zone, change.field.as_ref(), &change.after)) } } }
                }
            }
        }
    }
}

/// The last part of the action, or the kind of the event that was recorded.
fn verb(entry: &Entry) -> &str {
    let verb = entry.action.as_str().split_once('.').map_or(entry.action.as_str(), |(_, verb)| verb);
    if verb == "event_recorded" { event_kind(entry).unwrap_or(verb) } else { verb }
}

/// The kind of the event that the entry is about, by the name of its field for findings or for packages.
fn event_kind(entry: &Entry) -> Option<&str> {
    text(entry, "event_type").or_else(|| text(entry, "event_kind"))
}

/// The words for an entry about a record, after the name of its actor.
pub(crate) fn of_record(entry: &Entry) -> String {
    match verb(entry) {
        "created" => "recorded it".to_owned(),
        "updated" if entry.changes.iter().any(|change| change.field == "status") => "moved it".to_owned(),
        "updated" => "changed it".to_owned(),
        "withdrawn" => "withdrew it".to_owned(),
        "comment" => "commented".to_owned(),
        "verified_as_duplicate" => "marked it as a duplicate".to_owned(),
        "remediation_reported" => "reported its remediation".to_owned(),
        "verified_as_resolved" => "verified that it is resolved".to_owned(),
        "review_started" => "started its review".to_owned(),
        noun @ ("submission" | "receipt" | "acceptance" | "rejection" | "withdrawal" | "resubmission") => {
            format!("recorded its {noun}")
        }
        verb => format!("{} it", words(verb)),
    }
}

fn dot(verb: &str) -> Markup {
    let (tone, icon) = match verb {
        "comment" => ("", Icon::Comment),
        "created" => ("good", Icon::Plus),
        "updated" => ("accent", Icon::Pencil),
        "approved" | "acceptance" | "completed" | "verified_as_resolved" => ("good", Icon::Check),
        "rejected" | "rejection" => ("bad", Icon::AlertCircle),
        "submission" | "resubmission" => ("accent", Icon::Submission),
        _ => ("warn", Icon::Finding),
    };
    html! { span class={ "dot " (tone) } { (icon) } }
}

fn text<'e>(entry: &'e Entry, field: &str) -> Option<&'e str> {
    let change = entry.changes.iter().find(|change| change.field == field)?;
    if let FieldValue::Text(text) = &change.after { Some(text) } else { None }
}

/// A value in a few words: a time as the reader's clock shows it, and an identifier as a link.
fn shown(zone: &Zone, field: &str, value: &FieldValue) -> Markup {
    match value {
        FieldValue::Null => html! { "nothing" },
        FieldValue::Bool(value) => html! { (value) },
        FieldValue::Integer(number) => html! { (number) },
        FieldValue::Texts(texts) => html! { (texts.join(", ")) },
        FieldValue::Text(text) if text.is_empty() => html! { "nothing" },
        FieldValue::Text(text) => text_shown(zone, field, text),
    }
}

fn text_shown(zone: &Zone, field: &str, text: &str) -> Markup {
    if let Ok(time) = text.parse::<Timestamp>() {
        return zone.minute(time);
    }
    let is_id = text.rsplit_once('_').is_some_and(|(_, ulid)| ulid.len() == 26 && ulid.parse::<Ulid>().is_ok());
    if is_id {
        return html! { a.key href={ "/app/go?q=" (text) } { (text) } };
    }
    let text = if is_named_value(field, text) { Cow::Owned(words(text)) } else { Cow::Borrowed(text) };
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => html! { (&text[..end]) "…" },
        None => html! { (text) },
    }
}

/// Whether the value of a field is one of a list of names, such as a status: of a key, each character counts.
fn is_named_value(field: &str, text: &str) -> bool {
    let has = |column: &Column| match column.column_type {
        ColumnType::Name(names) => column.name == field && names.contains(&text),
        _ => false,
    };
    field == "status" || all_registers().any(|register| register.columns.iter().any(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_identifiers_are_shown_as_readers_use_them() {
        let shown = |text: &str| text_shown(&Zone::named("America/New_York"), "severity", text).into_string();
        assert!(shown("2026-11-24T15:42:07.000Z").contains(">24 Nov 2026, 10:42</time>"));
        let id = "find_01M8PS7RBC99ESXXJZDZ7Q0KD7";
        assert_eq!(shown(id), format!("<a class=\"key\" href=\"/app/go?q={id}\">{id}</a>"));
        let status = text_shown(&Zone::named("UTC"), "status", "remediation_planned").into_string();
        assert_eq!(status, "remediation planned");
        assert_eq!(shown("resp-it-operations"), "resp-it-operations", "a key is shown as it is");
        assert_eq!(shown(&"é".repeat(MAX_VALUE + 1)), format!("{}…", "é".repeat(MAX_VALUE)));
    }
}
