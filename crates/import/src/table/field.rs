//! The fields that the columns of a table can have.

use kernel::{Column, ColumnType, Decimal, Scalar as _};

use crate::{
    draft::Draft,
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
    fields
}

fn type_of(column: &Column) -> FieldType {
    match column.column_type {
        decimal if decimal == Decimal::TYPE => FieldType::Decimal,
        ColumnType::Text { .. } if column.key.is_some() => FieldType::Word,
        ColumnType::Text { .. } => FieldType::Text,
        ColumnType::Name(names) => FieldType::Name(names),
        ColumnType::Integer => FieldType::Integer,
        ColumnType::Timestamp => FieldType::Time,
        ColumnType::Id(_) => FieldType::Word,
        ColumnType::Ids(_) => FieldType::Words,
        // A cell can't hold them.
        ColumnType::Groups => FieldType::Server,
    }
}

/// The names of the fields without which no record of the kind can be created. A reference has its name with `Id`.
pub(super) fn required_fields(kind: &RecordKind) -> Vec<String> {
    let empty = Draft { kind: kind.kind, fields: serde_json::Map::new() };
    let errors = empty.check().err().map_or_else(Vec::new, |invalid| invalid.errors);
    errors.iter().filter_map(|error| Some(error.split_once(": ")?.0.to_owned())).collect()
}

/// The name as it is compared: letters and digits in lower case.
pub(super) fn normalized(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
