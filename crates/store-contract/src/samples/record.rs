//! Sample records of every kind that states its fields with `record!`.

use std::{collections::BTreeMap, fmt::Display};

use kernel::{Column, ColumnType, Decoder, IdText, OwnedScalar, Record, ScalarValue, Timestamp, Ulid};

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

fn text_candidates(column: &Column, number: u64) -> [String; 6] {
    [
        format!("{} {number}: “é” 🔓", column.name),
        format!("{}-{number}", column.name),
        format!("s-{number}"),
        format!("{number}.5"),
        format!("text/x-{number}"),
        format!("{number:064x}"),
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
        ColumnType::Groups => {
            let row = |number| column.group.iter().map(|column| text(column, number)).collect::<Vec<_>>().join("\t");
            format!("{}\n{}\n", row(number), row(number + 1))
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
    let mut values = owned_values(record);
    for value in &mut values {
        if let OwnedScalar::Id(prefix, ulid) = value {
            *ulid = *ids.get(prefix).unwrap_or(ulid);
        }
    }
    R::from_values(values).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The record with the value that `other` has in the column at `index`.
///
/// # Panics
/// If the columns of a group no longer belong together.
#[must_use]
pub fn with_value_of<R: Record>(record: &R, other: &R, index: usize) -> R {
    let mut values = owned_values(record);
    values[index] = owned_values(other).swap_remove(index);
    R::from_values(values).unwrap_or_else(|fault| panic!("{fault}"))
}

fn owned_values<R: Record>(record: &R) -> Vec<OwnedScalar> {
    record.values().into_iter().map(ScalarValue::to_owned).collect()
}
