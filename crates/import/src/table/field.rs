//! The fields that the columns of a table can have.

use heck::ToLowerCamelCase as _;
use kernel::{Column, ColumnType, Decimal, Scalar as _};

use crate::{
    field_name::field_name,
    kinds::RecordKind,
    references::{ReferenceColumn, references},
};

/// The type of a field's values in tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FieldType {
    /// A text, of which every character counts.
    Text,
    /// A text around which white space has no meaning: a key or an identifier.
    Word,
    /// One of these names.
    Name(&'static [&'static str]),
    /// A text for which these names are usual.
    UsualName(&'static [&'static str]),
    Integer,
    Decimal,
    Time,
    /// A list of identifiers.
    Words,
    /// A reference by key.
    Reference(&'static ReferenceColumn),
    /// A field that only the server sets.
    Server,
}

/// A field of the records of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableField {
    pub(super) field_type: FieldType,
    /// The index of the record's column, if callers can set it.
    pub(super) column: Option<usize>,
}

/// The fields that only the server sets in every record.
const SERVER_FIELDS: [&str; 3] = ["id", "createdAt", "updatedAt"];

/// The header of the column with the reasons in a file of failed rows, which imports pass over.
pub const FAULT_COLUMN: &str = "Import error";

/// The usual values of texts that are kinds.
const USUAL_NAMES: [(&str, &[&str]); 3] = [
    ("change_kind", &["standard", "normal", "emergency", "pre-approved"]),
    ("engagement_kind", &["supplier"]),
    (
        "vulnerability_kind",
        &[
            "cve",
            "internal-finding",
            "disclosed-bug",
            "pen-test-finding",
            "configuration-weakness",
            "architectural-weakness",
        ],
    ),
];

/// All fields of the records of a kind, with their names.
pub(super) fn fields(kind: &RecordKind) -> Vec<(String, TableField)> {
    let mut fields = Vec::new();
    for (index, column) in kind.columns.iter().enumerate() {
        if column.is_derived || column.column_type == ColumnType::Groups {
            fields.push((field_name(column), TableField { field_type: FieldType::Server, column: None }));
            continue;
        }
        let reference = references(kind.kind).iter().find(|reference| reference.column == index);
        if let Some(reference) = reference {
            let field = TableField { field_type: FieldType::Reference(reference), column: Some(index) };
            fields.push((reference.key_field.clone(), field));
        }
        fields.push((field_name(column), TableField { field_type: type_of(column), column: Some(index) }));
    }
    let server = TableField { field_type: FieldType::Server, column: None };
    fields.extend(SERVER_FIELDS.iter().map(|name| ((*name).to_owned(), server)));
    fields.push((field_of_header(FAULT_COLUMN), server));
    fields
}

/// Whether every record has the field and only the server sets it, or the reports of failed rows have it.
pub(super) fn is_always_ignored(name: &str) -> bool {
    SERVER_FIELDS.contains(&name) || name == field_of_header(FAULT_COLUMN)
}

/// The name of a field whose column has this header.
fn field_of_header(header: &str) -> String {
    header.to_lower_camel_case()
}

fn type_of(column: &Column) -> FieldType {
    if let Some((_, names)) = USUAL_NAMES.iter().find(|(name, _)| *name == column.name) {
        return FieldType::UsualName(names);
    }
    match column.column_type {
        decimal if decimal == Decimal::TYPE => FieldType::Decimal,
        ColumnType::Text { .. } if column.key.is_some() => FieldType::Word,
        ColumnType::Text { .. } => FieldType::Text,
        ColumnType::Name(names) => FieldType::Name(names),
        ColumnType::Integer => FieldType::Integer,
        ColumnType::Timestamp => FieldType::Time,
        ColumnType::Id(_) => FieldType::Word,
        ColumnType::Ids(_) => FieldType::Words,
        // No cell holds a list of groups.
        ColumnType::Groups => FieldType::Server,
    }
}

/// The name as it is compared: letters and digits in lower case.
pub(super) fn normalized(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The field with this name, in any spelling.
pub(super) fn find<'f>(fields: &'f [(String, TableField)], name: &str) -> Option<&'f (String, TableField)> {
    let wanted = normalized(name);
    fields
        .iter()
        .find(|(field, _)| field == name)
        .or_else(|| fields.iter().find(|(field, _)| normalized(field) == wanted))
}

/// The names of the fields that the columns of a table of this kind can have.
#[must_use]
pub fn settable_fields(kind: &RecordKind) -> Vec<String> {
    fields(kind).into_iter().filter(|(_, field)| field.column.is_some()).map(|(name, _)| name).collect()
}

/// The names of the fields that callers can set.
pub(super) fn names_of(fields: &[(String, TableField)]) -> String {
    let settable = fields.iter().filter(|(_, field)| field.column.is_some());
    settable.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}
