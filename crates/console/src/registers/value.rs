//! The values of records as HTML.

use kernel::{Column, ColumnType, Groups, IdText, OwnedScalar, Severity};
use maud::{Markup, html};

use super::RecordNames;
use crate::{
    components::{severity, status},
    words::sentence,
    zone::Zone,
};

/// Returns the value of a column. References are shown by the names of what they refer to.
pub(super) fn value(column: &Column, value: &OwnedScalar, zone: &Zone, names: &RecordNames) -> Markup {
    match value {
        OwnedScalar::Null => html! { span.muted { "None" } },
        OwnedScalar::Text(text) if text.is_empty() => html! { span.muted { "None" } },
        OwnedScalar::Text(text) if names.get(text).is_some() => names.show(text),
        OwnedScalar::Text(text) if is_code(column) => html! { span.key.nw { (text) } },
        OwnedScalar::Text(text) => html! { (text) },
        OwnedScalar::Name(name) if column.name == "status" => status(name),
        OwnedScalar::Name(name) if column.name == "severity" => Severity::ALL
            .iter()
            .find(|severity| severity.name() == *name)
            .map_or_else(|| html! { (sentence(name)) }, |grade| severity(*grade)),
        OwnedScalar::Name(name) => html! { (sentence(name)) },
        OwnedScalar::Integer(number) => html! { (number) },
        OwnedScalar::Timestamp(time) => zone.minute(*time),
        OwnedScalar::Id(prefix, ulid) => names.show(&IdText(prefix, *ulid).to_string()),
        OwnedScalar::Ids(_, ulids) if ulids.is_empty() => html! { span.muted { "None" } },
        OwnedScalar::Ids(prefix, ulids) => html! {
            ul.stack.small { @for ulid in ulids { li { (names.show(&IdText(prefix, *ulid).to_string())) } } }
        },
        OwnedScalar::Groups(groups) => list_of_groups(groups, zone),
    }
}

/// Whether the texts of the column are codes, which are set in letters of equal width.
fn is_code(column: &Column) -> bool {
    column.key.is_some()
        || column.label.ends_with("_key")
        || column.label.ends_with("_id")
        || matches!(column.column_type, ColumnType::Text { max, .. } if max <= 64 && column.label.contains("hash"))
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

fn plain(value: &OwnedScalar, zone: &Zone) -> Markup {
    match value {
        OwnedScalar::Text(text) => html! { (text) },
        OwnedScalar::Integer(number) => html! { (number) },
        OwnedScalar::Timestamp(time) => zone.minute(*time),
        OwnedScalar::Name(name) => html! { (sentence(name)) },
        OwnedScalar::Id(prefix, ulid) => RecordNames::default().show(&IdText(prefix, *ulid).to_string()),
        OwnedScalar::Null | OwnedScalar::Ids(..) | OwnedScalar::Groups(_) => html! { span.muted { "None" } },
    }
}
