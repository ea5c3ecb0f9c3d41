//! The values of records as HTML.

use kernel::{Column, ColumnType, Groups, IdText, OwnedScalar, Severity, Timestamp};
use maud::{Markup, html};

use super::RecordNames;
use crate::{
    components::{severity, status_among},
    words::{grouped, sentence, shortened},
    zone::Zone,
};

/// Returns the value of a column. References are shown by the names of what they refer to.
pub(super) fn value(column: &Column, value: &OwnedScalar, zone: &Zone, names: &RecordNames) -> Markup {
    match value {
        OwnedScalar::Null => html! { span.muted { "None" } },
        OwnedScalar::Text(text) if text.is_empty() => html! { span.muted { "None" } },
        OwnedScalar::Text(text) if names.get(text).is_some() => names.show(text),
        OwnedScalar::Text(text) if is_code(column) => html! { span.key.nw { (text) } },
        OwnedScalar::Text(text) if is_kind(column) => html! { (sentence(text)) },
        OwnedScalar::Text(text) => html! { (text) },
        OwnedScalar::Name(name) if is_marked(column) => match column.column_type {
            ColumnType::Name(names) => status_among(name, names),
            _ => status_among(name, &[]),
        },
        OwnedScalar::Name(name) if column.name == "severity" => Severity::ALL
            .iter()
            .find(|severity| severity.name() == *name)
            .map_or_else(|| html! { (sentence(name)) }, |grade| severity(*grade)),
        OwnedScalar::Name(name) => html! { (sentence(name)) },
        OwnedScalar::Integer(number) => html! { (integer(*number)) },
        OwnedScalar::Timestamp(time) => zone.minute(*time),
        OwnedScalar::Id(prefix, ulid) => names.show(&IdText(prefix, *ulid).to_string()),
        OwnedScalar::Ids(_, ulids) if ulids.is_empty() => html! { span.muted { "None" } },
        OwnedScalar::Ids(prefix, ulids) => html! {
            ul.stack.small { @for ulid in ulids { li { (names.show(&IdText(prefix, *ulid).to_string())) } } }
        },
        OwnedScalar::Groups(groups) => list_of_groups(groups, zone),
    }
}

/// Returns the value of a column for a cell of a list: of times, only the day.
pub(super) fn cell(column: &Column, shown: &OwnedScalar, zone: &Zone, names: &RecordNames, now: Timestamp) -> Markup {
    match shown {
        OwnedScalar::Timestamp(time) => html! { span.nowrap { (zone.day(*time, now)) } },
        OwnedScalar::Id(prefix, ulid) => match IdText(prefix, *ulid).to_string() {
            id if names.get(&id).is_some() => names.show(&id),
            id => short_reference(&id),
        },
        other => value(column, other, zone, names),
    }
}

/// A link to a record without a name, with the middle of its identifier left out.
fn short_reference(id: &str) -> Markup {
    html! { a.key.nw href={ "/app/go?q=" (id) } title=(id) { (shortened(id)) } }
}

/// Whether the values of the column have a mark: statuses, and results of checks.
fn is_marked(column: &Column) -> bool {
    matches!(column.name, "status" | "result" | "aggregate_result")
}

/// Whether the texts of the column are codes, which are set in letters of equal width.
fn is_code(column: &Column) -> bool {
    column.key.is_some()
        || column.label.ends_with("_key")
        || column.label.ends_with("_id")
        || matches!(column.column_type, ColumnType::Text { max, .. } if max <= 64 && column.label.contains("hash"))
}

/// Whether the texts of the column name a kind in the letter case of the API.
fn is_kind(column: &Column) -> bool {
    column.label.ends_with("_kind") || column.label.ends_with("_resource_type")
}

fn list_of_groups(groups: &Groups, zone: &Zone) -> Markup {
    if groups.rows().is_empty() {
        return html! { span.muted { "None" } };
    }
    html! {
        ul.stack.small {
            @for row in groups.rows() {
                li {
                    dl.dl {
                        @for (label, value) in groups.labels().iter().zip(row) {
                            dt { (sentence(label)) }
                            dd { (plain(value, zone)) }
                        }
                    }
                }
            }
        }
    }
}

/// The number with its thousands grouped.
fn integer(number: i64) -> String {
    format!("{}{}", if number < 0 { "-" } else { "" }, grouped(number.unsigned_abs()))
}

fn plain(value: &OwnedScalar, zone: &Zone) -> Markup {
    match value {
        OwnedScalar::Text(text) => html! { (text) },
        OwnedScalar::Integer(number) => html! { (integer(*number)) },
        OwnedScalar::Timestamp(time) => zone.minute(*time),
        OwnedScalar::Name(name) => html! { (sentence(name)) },
        OwnedScalar::Id(prefix, ulid) => RecordNames::default().show(&IdText(prefix, *ulid).to_string()),
        OwnedScalar::Null | OwnedScalar::Ids(..) | OwnedScalar::Groups(_) => html! { span.muted { "None" } },
    }
}
