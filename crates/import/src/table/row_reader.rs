//! Reads the record of a row.

use std::borrow::Cow;

use serde_json::Map;

use super::{cell::TableCell, column_letters::column_letters, mapping::Mapping, row::TableRow, value::convert};
use crate::{
    checked_draft::{CheckedDraft, InvalidDraft},
    columns::{has_value, is_never_empty},
    draft::Draft,
    position::{ImportFailure, SourcePosition},
    shorten,
};

/// The maximum length of a row's errors, in characters.
const MAX_MESSAGE_LENGTH: usize = 2500;

/// The maximum length of a value in an error, in characters.
const MAX_QUOTED_LENGTH: usize = 60;

/// The record of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct RowDraft {
    /// The fields that have values.
    pub draft: Draft,
    /// The indexes of the columns whose values a record that exists keeps: those that the table does not have, and those
    /// that are never empty and whose cells are.
    pub kept_columns: Vec<usize>,
}

impl RowDraft {
    /// Checks all fields.
    ///
    /// # Errors
    /// [`InvalidDraft`] with all errors.
    pub fn check(self) -> Result<CheckedDraft, InvalidDraft> {
        self.draft.check_keeping(self.kept_columns)
    }
}

impl Mapping {
    /// Reads the record of a row, and checks all its fields.
    ///
    /// # Errors
    /// [`ImportFailure`] with all errors of the row, each with its field and its column.
    pub fn read_row(&self, row: &TableRow) -> Result<RowDraft, ImportFailure> {
        self.draft(row).map_err(|InvalidDraft { key, errors }| ImportFailure {
            position: SourcePosition { line: row.line, column: 1 },
            key: key.map(|key| shorten::message(&key)),
            message: shorten::displayed(&shorten::excerpt(&errors.join("; "), MAX_MESSAGE_LENGTH)),
        })
    }

    fn draft(&self, row: &TableRow) -> Result<RowDraft, InvalidDraft> {
        let mut errors: Vec<String> = row.fault.iter().cloned().collect();
        let mut refused: Vec<&str> = Vec::new();
        let mut draft = Draft { kind: self.kind.kind, fields: Map::new() };
        let width = self.columns.len().max(row.cells.len());
        for index in 0..width {
            let cell = row.cells.get(index).unwrap_or(&TableCell::Empty);
            let column = self.columns.get(index);
            let Some((name, field)) = column.and_then(|column| column.field.as_ref()) else {
                if !cell.is_blank() && column.is_none_or(|column| column.header.is_empty()) {
                    errors.push(format!("column {} has a value, but no header", column_letters(index)));
                }
                continue;
            };
            match convert(&self.translate(index, cell), field.field_type, &self.values) {
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
        let draft = RowDraft { kept_columns: self.kept_by(&draft), draft };
        let Err(invalid) = draft.clone().check() else {
            return if errors.is_empty() { Ok(draft) } else { Err(InvalidDraft { key: draft.draft.key(), errors }) };
        };
        // A field whose cell has been refused is not missing.
        let others = invalid.errors.iter().filter(|error| !refused.iter().any(|name| self.is_about(error, name)));
        errors.extend(others.map(|error| self.with_column(error, row)));
        Err(InvalidDraft { key: invalid.key, errors })
    }

    /// The cell, or the value that it stands for.
    fn translate<'c>(&self, index: usize, cell: &'c TableCell) -> Cow<'c, TableCell> {
        let mut translations = self.translations.iter().filter(|translation| translation.column == index);
        match translations.find(|translation| translation.matches(cell)) {
            Some(translation) => Cow::Owned(TableCell::Text(translation.to.clone())),
            None => Cow::Borrowed(cell),
        }
    }

    /// The columns that a record that exists keeps when this draft updates it.
    fn kept_by(&self, draft: &Draft) -> Vec<usize> {
        let mapped = self.columns.iter().filter_map(|column| column.field.as_ref()?.1.column);
        let empty = mapped.filter(|index| {
            self.kind.columns.get(*index).is_some_and(is_never_empty) && !has_value(self.kind, &draft.fields, *index)
        });
        let mut kept = self.kept_columns().to_vec();
        kept.extend(empty);
        kept
    }

    /// Whether the error is that of the field, or of the same reference by identifier.
    fn is_about(&self, error: &str, name: &str) -> bool {
        let subject = error.split_once(": ").map_or(error, |(subject, _)| subject);
        let same_column =
            |mapped: &str| self.record_column(mapped).is_some_and(|index| Some(index) == self.record_column(subject));
        subject == name || same_column(name)
    }

    /// The error with the column of its field, and with the value that the row has there.
    fn with_column(&self, error: &str, row: &TableRow) -> String {
        let Some((field, message)) = error.split_once(": ") else { return error.to_owned() };
        let wanted = self.record_column(field);
        let index = self.columns.iter().position(|column| {
            column
                .field
                .as_ref()
                .is_some_and(|(name, other)| name == field || (wanted.is_some() && other.column == wanted))
        });
        match index {
            Some(index) => {
                let shown = row.cells.get(index).and_then(TableCell::shown).unwrap_or_default();
                let shown = shorten::excerpt(shown.trim(), MAX_QUOTED_LENGTH);
                let is_named = shown.is_empty() || message.contains(&*shown);
                let quoted = if is_named { String::new() } else { format!(" (the cell has {shown:?})") };
                format!("{field} ({}): {message}{quoted}", self.column_name(index, field))
            }
            None => error.to_owned(),
        }
    }

    /// The index of the record's column that the field sets.
    fn record_column(&self, field: &str) -> Option<usize> {
        super::field::fields(self.kind).into_iter().find(|(name, _)| name == field).and_then(|(_, field)| field.column)
    }
}
