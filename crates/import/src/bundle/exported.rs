//! Records as lines of a bundle, and as rows of a table, from which spreadsheets can't compute anything.

use heck::ToLowerCamelCase as _;
use kernel::{IdText, OwnedScalar, Record, ScalarValue, Ulid};
use serde_json::{Value, json};

use crate::{
    csv::{Delimiter, written_row},
    field_name::field_name,
    kinds::RecordKind,
    references::{ReferenceColumn, references},
    table::disarmed,
};

/// A field of a record, with its name in files.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The name of the field.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// The fields of a record, without those that only the server sets. `key` returns the key of a record that it refers to;
/// without one, the reference is an identifier.
pub fn cells<R: Record>(record: &R, key: impl Fn(&ReferenceColumn, Ulid) -> Option<String>) -> Vec<Cell> {
    let values = record.values().into_iter().zip(R::COLUMNS).enumerate();
    let exported = values.filter(|(_, (_, column))| !column.is_derived);
    let cell = |(index, (value, column)): (usize, (ScalarValue<'_>, &kernel::Column))| {
        let reference = references(R::KIND).iter().find(|reference| reference.column == index);
        let keys = reference.and_then(|reference| {
            let keys = match value {
                ScalarValue::Id(_, ulid) => key(reference, ulid).map(Value::from),
                ScalarValue::Ids(_, ulids) => ulids.iter().map(|ulid| key(reference, *ulid)).collect(),
                _ => None,
            };
            keys.map(|value| Cell { name: reference.key_field.clone(), value })
        });
        keys.unwrap_or_else(|| Cell { name: field_name(column), value: json_value(value) })
    };
    exported.map(cell).collect()
}

fn json_value(value: ScalarValue<'_>) -> Value {
    match value {
        ScalarValue::Null => Value::Null,
        ScalarValue::Text(text) => text.into(),
        ScalarValue::Name(name) => name.into(),
        ScalarValue::Integer(number) => number.into(),
        ScalarValue::Timestamp(time) => time.to_string().into(),
        ScalarValue::Id(prefix, ulid) => IdText(prefix, ulid).to_string().into(),
        ScalarValue::Ids(prefix, ulids) => {
            ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().into()
        }
        ScalarValue::Groups(groups) => {
            let object = |row: &Vec<OwnedScalar>| -> serde_json::Map<String, Value> {
                let members = groups.labels().iter().zip(row);
                members.map(|(label, value)| (label.to_lower_camel_case(), json_value(value.as_value()))).collect()
            };
            groups.rows().iter().map(object).map(Value::Object).collect::<Vec<_>>().into()
        }
    }
}

/// The line of a bundle, with its end. Fields without a value are left out.
#[must_use]
pub fn json_line(kind: &RecordKind, cells: &[Cell]) -> String {
    let members = cells.iter().filter(|cell| !cell.value.is_null());
    let members: Vec<String> = members.map(|cell| format!("{}:{}", json!(cell.name), cell.value)).collect();
    format!("{{\"kind\":{},\"record\":{{{}}}}}\n", json!(kind.name()), members.join(","))
}

/// The header of a table of the records of a kind: the name of each column.
#[must_use]
pub fn table_header(kind: &RecordKind) -> Vec<String> {
    let columns = kind.columns.iter().enumerate().filter(|(_, column)| !column.is_derived);
    let name = |(index, column): (usize, &kernel::Column)| {
        let reference = references(kind.kind).iter().find(|reference| reference.column == index);
        reference.map_or_else(|| field_name(column), |reference| reference.key_field.clone())
    };
    columns.map(name).collect()
}

/// The header of a table in CSV.
#[must_use]
pub fn csv_header(kind: &RecordKind) -> String {
    written_row(table_header(kind).into_iter(), Delimiter::COMMA)
}

/// The row of a record.
#[must_use]
pub fn csv_line(cells: &[Cell]) -> String {
    let texts = cells.iter().map(|cell| match &cell.value {
        Value::Null => String::new(),
        Value::String(text) => disarmed(text).into_owned(),
        other => other.to_string(),
    });
    written_row(texts, Delimiter::COMMA)
}
