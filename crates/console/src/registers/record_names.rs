//! The names of the records that a page refers to, so that references are shown as keys and titles.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use kernel::{Column, ColumnType, IdText, Kind, OwnedScalar};
use maud::{Markup, html};

use super::{Register, Row, columns};
use crate::{words::shortened, zone::Zone};

/// The name of a record or a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordName {
    /// The identifier.
    pub(crate) id: String,
    /// The key, or the email address of a person; `None` if the kind has no keys.
    pub(crate) key: Option<String>,
    /// The title, or the name of a person.
    pub(crate) title: String,
    /// The status of a record, if its kind has one.
    pub(crate) status: Option<String>,
    /// The address of the page; `None` for a person, whose page not everybody may open.
    pub(crate) href: Option<String>,
}

impl RecordName {
    /// The text by which a form names it: its key if it has one.
    pub(crate) fn input_text(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.id)
    }

    /// The shortest text that a reader knows it by: its key, or the name of a person.
    pub(crate) fn short_text(&self) -> &str {
        self.key.as_deref().filter(|_| self.href.is_some()).unwrap_or(&self.title)
    }

    /// The key and the title, with a link to the record; of a person, the name.
    pub(crate) fn link(&self) -> Markup {
        let Some(href) = &self.href else { return html! { span { (self.title) } } };
        let key = self.key.as_deref().filter(|key| *key != self.title);
        html! {
            a href=(href) {
                @if let Some(key) = key { span.key { (key) } }
                bdi { (self.title) }
            }
        }
    }
}

/// The names of records, by their identifiers.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordNames(BTreeMap<String, RecordName>);

impl FromIterator<RecordName> for RecordNames {
    fn from_iter<T: IntoIterator<Item = RecordName>>(names: T) -> Self {
        Self(names.into_iter().map(|name| (name.id.clone(), name)).collect())
    }
}

impl RecordNames {
    /// Adds other names.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The name of the record with this identifier.
    #[must_use]
    pub(crate) fn get(&self, id: &str) -> Option<&RecordName> {
        self.0.get(id)
    }

    /// The record with this identifier: its key and title, or the identifier if it has no name, with a link.
    pub(crate) fn show(&self, id: &str) -> Markup {
        match self.get(id) {
            Some(name) => name.link(),
            None => html! { a.key href={ "/app/go?q=" (id) } { (id) } },
        }
    }
}

/// The title of a record for people. That of a coverage link is made of the names of what it links.
#[must_use]
pub(super) fn record_title<'r>(register: &Register, row: &'r Row, zone: &Zone, names: &RecordNames) -> Cow<'r, str> {
    let text = |name: &str| {
        let value = match &row.values[register.position(name)?] {
            OwnedScalar::Id(prefix, ulid) => IdText(prefix, *ulid).to_string(),
            value => value.as_value().as_str()?.to_owned(),
        };
        Some(names.get(&value).map_or_else(|| shortened(&value), |name| name.short_text().to_owned()))
    };
    match (register.kind, text("node_id"), text("target_resource_id")) {
        (Kind::CoverageLink, Some(node), Some(target)) => Cow::Owned(format!("{node} by {target}")),
        _ => row.title(register, zone),
    }
}

/// The identifiers in the columns that a list of these records shows.
pub(crate) fn referred_in_list(register: &Register, rows: &[Row]) -> BTreeSet<String> {
    let shown = columns::shown(register);
    rows.iter()
        .flat_map(|row| shown.iter().flat_map(|index| ids(&register.columns[*index], &row.values[*index])))
        .collect()
}

/// The identifiers in all columns of a record.
pub(crate) fn referred_by(register: &Register, row: &Row) -> BTreeSet<String> {
    register.columns.iter().zip(&row.values).flat_map(|(column, value)| ids(column, value)).collect()
}

/// The identifiers in a value: references of the column, or a text that may be one.
fn ids(column: &Column, value: &OwnedScalar) -> Vec<String> {
    match value {
        OwnedScalar::Id(prefix, ulid) => vec![IdText(prefix, *ulid).to_string()],
        OwnedScalar::Ids(prefix, ulids) => ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect(),
        OwnedScalar::Text(text) if names_a_record(column) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Whether the texts of the column may be identifiers of records or people.
fn names_a_record(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Text { .. })
        && (column.label.ends_with("_resource_id") || is_person(column))
}

/// Whether the column names a person of the workspace.
#[must_use]
pub(crate) fn is_person(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Text { .. }) && column.label.ends_with("_member_user_id")
}
