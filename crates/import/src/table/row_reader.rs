//! Reads the record of a row.

use serde_json::Map;

use super::{column_letters::column_letters, mapping::Mapping, row::TableRow, value::convert};
use crate::{
    checked_draft::InvalidDraft,
    draft::Draft,
    position::{ImportFailure, SourcePosition},
    shorten,
};

/// The maximum length of a row's errors, in characters.
const MAX_MESSAGE_LENGTH: usize = 2500;

impl Mapping {
    /// Reads the record of a row, and checks all its fields.
    ///
    /// # Errors
    /// [`ImportFailure`] with all errors of the row, each with its field and its column.
    pub fn read_row(&self, row: &TableRow) -> Result<Draft, ImportFailure> {
        self.draft(row).map_err(|InvalidDraft { key, errors }| ImportFailure {
            position: SourcePosition { line: row.line, column: 1 },
            key: key.map(|key| shorten::message(&key)),
            message: shorten::displayed(&shorten::excerpt(&errors.join("; "), MAX_MESSAGE_LENGTH)),
        })
    }

    fn draft(&self, row: &TableRow) -> Result<Draft, InvalidDraft> {
        let mut errors: Vec<String> = row.fault.iter().cloned().collect();
        let mut refused: Vec<&str> = Vec::new();
        let mut draft = Draft { kind: self.kind.kind, fields: Map::new() };
        for (index, cell) in row.cells.iter().enumerate() {
            let Some(column) = self.columns.get(index) else {
                if !cell.is_blank() {
                    errors.push(format!("column {} has a value, but no header", column_letters(index)));
                }
                continue;
            };
            let Some((name, field)) = &column.field else {
                if !cell.is_blank() && column.header.is_empty() {
                    errors.push(format!("column {} has a value, but no header", column_letters(index)));
                }
                continue;
            };
            match convert(cell, field.field_type, &self.values) {
                Ok(None) => {}
                Ok(Some((other_name, value))) => {
                    draft.fields.insert(other_name.unwrap_or_else(|| name.clone()), value);
                }
                Err(error) => {
                    refused.push(name);
                    errors.push(format!("{name} ({}): {error}", self.column_name(index, name)));
                }
            }
        }
        if row.fault.is_some() {
            return Err(InvalidDraft { key: draft.key(), errors });
        }
        let Err(invalid) = draft.clone().check() else {
            return if errors.is_empty() { Ok(draft) } else { Err(InvalidDraft { key: draft.key(), errors }) };
        };
        // A field whose cell has been refused is not missing.
        let others = invalid.errors.iter().filter(|error| !refused.iter().any(|name| self.is_about(error, name)));
        errors.extend(others.map(|error| self.with_column(error)));
        Err(InvalidDraft { key: invalid.key, errors })
    }

    /// Whether the error is that of the field, or of the same reference by identifier.
    fn is_about(&self, error: &str, name: &str) -> bool {
        let subject = error.split_once(": ").map_or(error, |(subject, _)| subject);
        let same_column =
            |mapped: &str| self.record_column(mapped).is_some_and(|index| Some(index) == self.record_column(subject));
        subject == name || same_column(name)
    }

    /// The error with the column of its field.
    fn with_column(&self, error: &str) -> String {
        let Some((field, message)) = error.split_once(": ") else { return error.to_owned() };
        let wanted = self.record_column(field);
        let index = self.columns.iter().position(|column| {
            column
                .field
                .as_ref()
                .is_some_and(|(name, other)| name == field || (wanted.is_some() && other.column == wanted))
        });
        match index {
            Some(index) => format!("{field} ({}): {message}", self.column_name(index, field)),
            None => error.to_owned(),
        }
    }

    /// The index of the record's column that the field sets.
    fn record_column(&self, field: &str) -> Option<usize> {
        super::field::fields(self.kind).into_iter().find(|(name, _)| name == field).and_then(|(_, field)| field.column)
    }
}
