//! The fields of a form that name records or people.

use std::collections::BTreeMap;

use kernel::{Column, ColumnType, IdText, OwnedScalar};
use maud::{Markup, html};

use super::{
    RecordName, RecordNames, Register,
    record_names::is_person,
    typed::{field_name, hidden},
};

/// The identifier of the list of people that a page offers.
pub(crate) const PEOPLE: &str = "people";

/// A field of a form that names records or a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReferenceField {
    /// The position of its column.
    pub(crate) index: usize,
    /// Its name.
    pub(crate) name: String,
    /// The things that it names.
    pub(crate) names: Named,
}

/// The things that a field of a form names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A person.
    Person,
    /// A record whose identifier has this prefix.
    Record(&'static str),
    /// Several records whose identifiers have this prefix.
    Records(&'static str),
    /// A record of the kind that the fields beside it name, or a thing in another system.
    Target,
}

impl Named {
    /// The things that a column names, if it does.
    pub(super) fn of(column: &Column) -> Option<Self> {
        Some(match column.column_type {
            ColumnType::Id(prefix) => Self::Record(prefix),
            ColumnType::Ids(prefix) => Self::Records(prefix),
            _ if is_person(column) => Self::Person,
            _ if column.name == "target_resource_id" => Self::Target,
            _ => return None,
        })
    }
}

/// The records and people that the fields of a form name, and those that they may name.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    /// The records or the person that each field names, by its name.
    pub(crate) found: BTreeMap<String, Vec<RecordName>>,
    /// All of these, by their identifiers.
    pub(crate) names: RecordNames,
    /// The people whom a field for a person offers.
    pub(crate) people: Vec<RecordName>,
}

/// Returns the fields of the form that name records or people. `exists` is whether it edits a record.
pub(crate) fn reference_fields(register: &Register, exists: bool) -> Vec<ReferenceField> {
    let hidden = hidden(register, exists);
    let shown = register.columns.iter().enumerate().filter(|(index, _)| !hidden.contains(index));
    let fields = shown.filter_map(|(index, column)| {
        Some(ReferenceField { index, name: field_name(register, index), names: Named::of(column)? })
    });
    fields.collect()
}

/// The identifiers in the value of such a field, with spaces between them.
pub(crate) fn reference_text(value: &OwnedScalar) -> String {
    match value {
        OwnedScalar::Text(text) => text.clone(),
        OwnedScalar::Id(prefix, ulid) => IdText(prefix, *ulid).to_string(),
        OwnedScalar::Ids(prefix, ulids) => {
            ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

/// The list of people for the fields and filters that name one. A browser offers it while one types.
pub(crate) fn people_list(people: &[RecordName]) -> Markup {
    html! {
        @if !people.is_empty() {
            datalist id=(PEOPLE) { @for person in people { option value=(person.input_text()) { (person.title) } } }
        }
    }
}
