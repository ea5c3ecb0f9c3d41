//! Columns whose fields a person chooses, instead of their headers.

use super::{
    column_letters::column_letters,
    field::{TableField, fields, find},
    mapping::{MappedColumn, Mapping},
    row::TableRow,
};
use crate::kinds::RecordKind;

/// A column of a table, as a person chooses its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// The letters of the column.
    pub letters: String,
    /// The header; empty if there is none.
    pub header: String,
    /// The field that the column has, if callers can set it.
    pub field: Option<String>,
}

impl Mapping {
    /// The field of each column of a header by its name. Of several columns with the name of one field, the first has it.
    #[must_use]
    pub fn suggested(kind: &RecordKind, header: &TableRow) -> Vec<Option<String>> {
        let fields = fields(kind);
        let mut taken: Vec<String> = Vec::new();
        let suggested = header.cells.iter().map(|cell| {
            let text = cell.text().ok()?;
            let (name, field) = find(&fields, &text)?;
            let is_free = field.column.is_some() && !taken.contains(name);
            is_free.then(|| {
                taken.push(name.clone());
                name.clone()
            })
        });
        suggested.collect()
    }

    /// The columns of the table in their order.
    #[must_use]
    pub fn columns(&self) -> Vec<TableColumn> {
        let columns = self.columns.iter().enumerate().map(|(index, column)| TableColumn {
            letters: column_letters(index),
            header: column.header.clone(),
            field: column.field.as_ref().filter(|(_, field)| field.column.is_some()).map(|(name, _)| name.clone()),
        });
        columns.collect()
    }

    /// Maps the columns as the caller has chosen for each.
    pub(super) fn map_chosen_columns(&mut self, fields: &[(String, TableField)], chosen: &[Option<String>]) {
        for (index, wanted) in chosen.iter().enumerate() {
            let Some(wanted) = wanted else { continue };
            let letters = column_letters(index);
            let Some((name, field)) = find(fields, wanted).filter(|(_, field)| field.column.is_some()) else {
                self.errors.push(format!("column {letters}: there is no field {wanted:?} that a table can set"));
                continue;
            };
            let has_field = |column: &MappedColumn| column.field.as_ref().is_some_and(|(other, _)| other == name);
            if let Some(other) = self.columns.iter().position(has_field) {
                let other = column_letters(other);
                self.errors
                    .push(format!("columns {other} and {letters} both have the field {name}: choose one of them"));
            } else if let Some(column) = self.columns.get_mut(index) {
                column.field = Some((name.clone(), *field));
            } else {
                self.errors.push(format!("there is no column {letters}, which has the field {name}"));
            }
        }
    }
}
