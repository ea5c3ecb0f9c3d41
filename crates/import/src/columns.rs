//! Columns by what a record has in them when it is created and updated.

use std::{collections::HashMap, sync::LazyLock};

use kernel::{Column, ColumnType, Kind};
use serde_json::{Map, Value};

use crate::{
    draft::Draft,
    field_name::field_name,
    kinds::RecordKind,
    references::{identity_columns, references},
};

/// Whether every record has a value in the column that is not empty.
pub(crate) fn is_never_empty(column: &Column) -> bool {
    let may_be_empty = matches!(column.column_type, ColumnType::Text { min: 0, .. } | ColumnType::Ids(_));
    !column.nullable && !column.is_derived && !may_be_empty && column.column_type != ColumnType::Groups
}

/// The indexes of the columns without whose values no record of the kind can be created.
pub(crate) fn required_columns(kind: Kind) -> &'static [usize] {
    static ALL: LazyLock<HashMap<Kind, Vec<usize>>> =
        LazyLock::new(|| RecordKind::all().iter().map(|kind| (kind.kind, required_columns_of(kind))).collect());
    ALL.get(&kind).map_or(&[], Vec::as_slice)
}

fn required_columns_of(kind: &RecordKind) -> Vec<usize> {
    let empty = Draft { kind: kind.kind, fields: Map::new() };
    let errors = empty.check().err().map_or_else(Vec::new, |invalid| invalid.errors);
    // Of the values that are never empty, only names have defaults.
    let has_default = |column: &Column| {
        let error = format!("{}: ", field_name(column));
        matches!(column.column_type, ColumnType::Name(_)) && !errors.iter().any(|text| text.starts_with(&error))
    };
    let columns = kind.columns.iter().enumerate();
    columns.filter(|(_, column)| is_never_empty(column) && !has_default(column)).map(|(index, _)| index).collect()
}

/// The indexes of the columns that have no value in the fields and a default in a new record, such as a status.
pub(crate) fn omitted_defaults(kind: &RecordKind, fields: &Map<String, Value>) -> Vec<usize> {
    let required = required_columns(kind.kind);
    let columns = kind.columns.iter().enumerate();
    let omitted = columns.filter(|(index, column)| {
        is_never_empty(column) && !required.contains(index) && !has_value(kind, fields, *index)
    });
    omitted.map(|(index, _)| index).collect()
}

/// The indexes of the columns without which the record of a draft is not found: those of its identity, and those of the
/// parents within which the keys in them are unique.
pub(crate) fn finding_columns(kind: &RecordKind) -> Vec<usize> {
    let mut columns = identity_columns(kind.columns);
    let references = references(kind.kind);
    let scopes = references.iter().filter(|reference| columns.contains(&reference.column));
    let scopes: Vec<usize> = scopes.filter_map(|reference| Some(references.get(reference.scope?)?.column)).collect();
    columns.extend(scopes);
    columns
}

/// Whether the fields have a value for the column with this index.
pub(crate) fn has_value(kind: &RecordKind, fields: &Map<String, Value>, index: usize) -> bool {
    let has = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let reference = references(kind.kind).iter().find(|reference| reference.column == index);
    reference.is_some_and(|reference| has(&reference.key_field))
        || kind.columns.get(index).is_some_and(|column| has(&field_name(column)))
}

/// The name of the field in files: for a reference, that with keys.
pub(crate) fn file_field(kind: &RecordKind, index: usize) -> String {
    let reference = references(kind.kind).iter().find(|reference| reference.column == index);
    let name = || kind.columns.get(index).map_or_else(String::new, field_name);
    reference.map_or_else(name, |reference| reference.key_field.clone())
}

/// A valid value of the column, for a record whose own value is not known yet.
pub(crate) fn placeholder(column: &Column) -> Value {
    let example = column.example.unwrap_or_default();
    match column.column_type {
        ColumnType::Integer => example.parse::<i64>().unwrap_or_default().into(),
        _ => example.into(),
    }
}
