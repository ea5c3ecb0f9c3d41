//! Sample records of every kind that states its fields with `record!`.

use std::{collections::BTreeMap, fmt::Display};

use kernel::{Column, ColumnType, Decoder, IdText, OwnedScalar, Record, Timestamp, Ulid};

/// A sample of any kind of record. Samples with different numbers differ in every value that may differ; nullable
/// fields have a value if `full`.
///
/// # Panics
/// If no candidate satisfies the rule of a text: add one to `text_candidates`.
#[must_use]
pub fn record<R: Record>(number: u64, full: bool) -> R {
    let mut values = SampleValues { columns: R::COLUMNS, consumed: 0, number, full, text: String::new() };
    R::decode(&mut values).unwrap_or_else(|fault| panic!("a sample of {}: {fault}", R::PLURAL))
}

struct SampleValues {
    columns: &'static [Column],
    consumed: usize,
    number: u64,
    full: bool,
    text: String,
}

fn text_candidates(column: &Column, number: u64) -> [String; 4] {
    [
        format!("{} {number}: “é” 🔓", column.name),
        format!("{}-{number}", column.name),
        format!("s-{number}"),
        format!("{number}.5"),
    ]
}

fn text(column: &Column, number: u64) -> String {
    match column.column_type {
        ColumnType::Text { .. } => {
            let valid = text_candidates(column, number).into_iter().find(|text| (column.parse)(text).is_ok());
            valid.unwrap_or_else(|| panic!("no candidate is a valid {}", column.name))
        }
        ColumnType::Name(names) => names[usize::try_from(number).unwrap_or_default() % names.len()].to_owned(),
        ColumnType::Integer => number.to_string(),
        ColumnType::Timestamp => {
            Timestamp::from_millis(1_700_000_000_000 + i64::try_from(number).unwrap_or_default()).to_string()
        }
        ColumnType::Id(prefix) => IdText(prefix, Ulid::from_parts(1, number.into())).to_string(),
        ColumnType::Ids(prefix) => {
            let ids = [number, number + 1].map(|number| IdText(prefix, Ulid::from_parts(1, number.into())).to_string());
            ids.join(" ")
        }
    }
}

impl Decoder for SampleValues {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        let column = &self.columns[self.consumed];
        self.consumed += 1;
        if column.nullable && !self.full {
            return Ok(None);
        }
        self.text = text(column, self.number);
        Ok(Some(&self.text))
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) -> String {
        format!("{}: {message}", self.columns[self.consumed - 1 - columns_back].name)
    }
}

/// The record with these identifiers, by prefix, in the columns of identifiers that have one of them.
///
/// # Panics
/// If an identifier has another prefix than its key.
#[must_use]
pub fn with_ids<R: Record>(record: &R, ids: &BTreeMap<&'static str, Ulid>) -> R {
    let mut values = ValuesOf { values: columns_of(record), consumed: 0, text: String::new() };
    for value in &mut values.values {
        if let OwnedScalar::Id(prefix, ulid) = value {
            *ulid = *ids.get(prefix).unwrap_or(ulid);
        }
    }
    R::decode(&mut values).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The record with the value that `other` has in the column at `index`.
///
/// # Panics
/// If the columns of a group no longer belong together.
#[must_use]
pub fn with_value_of<R: Record>(record: &R, other: &R, index: usize) -> R {
    let mut values = ValuesOf { values: columns_of(record), consumed: 0, text: String::new() };
    values.values[index] = columns_of(other).swap_remove(index);
    R::decode(&mut values).unwrap_or_else(|fault| panic!("{fault}"))
}

fn columns_of<R: Record>(record: &R) -> Vec<OwnedScalar> {
    (0..R::COLUMNS.len()).map(|index| record.value(index).to_owned()).collect()
}

struct ValuesOf {
    values: Vec<OwnedScalar>,
    consumed: usize,
    text: String,
}

impl Decoder for ValuesOf {
    type Error = String;

    fn text(&mut self) -> Result<Option<&str>, String> {
        self.consumed += 1;
        self.text = match &self.values[self.consumed - 1] {
            OwnedScalar::Null => return Ok(None),
            OwnedScalar::Text(text) => text.clone(),
            OwnedScalar::Name(name) => (*name).to_owned(),
            OwnedScalar::Integer(number) => number.to_string(),
            OwnedScalar::Timestamp(time) => time.to_string(),
            OwnedScalar::Id(prefix, ulid) => IdText(prefix, *ulid).to_string(),
            OwnedScalar::Ids(prefix, ulids) => {
                ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect::<Vec<_>>().join(" ")
            }
        };
        Ok(Some(&self.text))
    }

    fn invalid(&mut self, _: usize, message: &dyn Display) -> String {
        message.to_string()
    }
}
