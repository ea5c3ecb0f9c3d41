//! The columns of imported tables.

use std::collections::BTreeSet;

use import::table::{Mapping, TableRow, ValueMap};
use serde_json::{Map, Value, json};

use super::{failed_rows::FailedRowsFile, input::Input};
use crate::cli::columns;

/// The columns of imported tables, and warnings about their cells.
#[derive(Debug, Default)]
pub(super) struct TableSummary {
    tables: Vec<TableColumns>,
    pub(super) warnings: Vec<String>,
    pub(super) failed_rows: Option<FailedRowsFile>,
}

/// The columns of one table.
#[derive(Debug)]
struct TableColumns {
    /// The name of the file, if there are several.
    file: Option<String>,
    mapped: Vec<(String, String)>,
    unused: Vec<String>,
    /// The columns with values that only the server sets.
    ignored: BTreeSet<String>,
    /// The translations of values, with the number of cells of each.
    translated: Vec<(ValueMap, u64)>,
    fields_without_column: Vec<String>,
}

impl TableSummary {
    pub(super) fn add(&mut self, input: &Input, mapping: &Mapping, value_maps: &[ValueMap]) {
        self.tables.push(TableColumns {
            file: input.distinguishing_name(),
            mapped: mapping.mapped(),
            unused: mapping.unused(),
            ignored: BTreeSet::new(),
            translated: value_maps.iter().map(|value_map| (value_map.clone(), 0)).collect(),
            fields_without_column: mapping.fields_without_column(),
        });
    }

    /// Notes what of a row of the last table is not used, or translated.
    pub(super) fn add_row(&mut self, mapping: &Mapping, row: &TableRow) {
        let Some(table) = self.tables.last_mut() else { return };
        for header in mapping.ignored_values(row) {
            if !table.ignored.contains(header) {
                table.ignored.insert(header.to_owned());
            }
        }
        for index in mapping.translated(row) {
            if let Some((_, count)) = table.translated.get_mut(index) {
                *count += 1;
            }
        }
    }

    /// The warnings, with those about translations of values that no cell has.
    fn all_warnings(&self) -> Vec<String> {
        let unused = self.tables.iter().flat_map(|table| {
            let unused = table.translated.iter().filter(|(_, count)| *count == 0);
            unused.map(|(ValueMap { field, from, to }, _)| {
                let of_file = table.file.as_ref().map_or_else(String::new, |file| format!("{file}: "));
                format!("{of_file}--map-value {field}:{from}={to}: no cell has this value")
            })
        });
        let left_out = self.failed_rows.iter().filter(|file| file.left_out > 0).map(|file| {
            format!("{} has the first {} rows that failed; {} more are left out", file.path, file.rows, file.left_out)
        });
        self.warnings.iter().cloned().chain(unused).chain(left_out).collect()
    }

    /// The members of the document with the summary.
    pub(super) fn document(&self) -> Map<String, Value> {
        let table = |table: &TableColumns| {
            let columns = table.mapped.iter().map(|(column, field)| json!({ "column": column, "field": field }));
            let values = table.translated.iter().map(|(ValueMap { field, from, to }, count)| {
                json!({ "field": field, "from": from, "to": to, "cells": count })
            });
            json!({
                "file": table.file,
                "columns": columns.collect::<Vec<Value>>(),
                "values": values.collect::<Vec<Value>>(),
                "unusedColumns": table.unused,
                "fieldsWithoutColumn": table.fields_without_column,
            })
        };
        let members = [
            ("tables", self.tables.iter().map(table).collect::<Vec<Value>>().into()),
            ("warnings", json!(self.all_warnings())),
        ];
        let failed_rows =
            self.failed_rows.iter().map(|file| ("failedRows", json!({ "file": file.path, "rows": file.rows })));
        members.into_iter().chain(failed_rows).map(|(name, value): (_, Value)| (name.to_owned(), value)).collect()
    }

    /// The lines of the summary. A dry run shows the columns.
    pub(super) fn lines(&self, dry_run: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for table in &self.tables {
            if !dry_run {
                if !table.ignored.is_empty() {
                    let headers: Vec<&str> = table.ignored.iter().map(String::as_str).collect();
                    let of_file = table.file.as_ref().map_or_else(String::new, |file| format!("{file}: "));
                    lines.push(format!(
                        "{of_file}not used: {} (only Novantra sets these fields, or --map gives them other columns)",
                        headers.join(", ")
                    ));
                }
                continue;
            }
            let rows = table.mapped.iter().map(|(column, field)| vec![format!("  {column}"), field.clone()]);
            let header = vec!["column".to_owned(), "field".to_owned()];
            lines.extend(table.file.iter().map(|file| format!("{file}:")));
            lines.push(columns(&[header].into_iter().chain(rows).collect::<Vec<_>>()));
            lines.extend(table.translated.iter().map(|(ValueMap { field, from, to }, count)| {
                let cells = if *count == 1 { "cell" } else { "cells" };
                format!("value of {field}: {from:?} stands for {to:?} in {count} {cells}")
            }));
            if !table.unused.is_empty() {
                lines.push(format!("not used: {}", table.unused.join(", ")));
            }
            if !table.fields_without_column.is_empty() {
                let fields = table.fields_without_column.join(", ");
                lines.push(format!("without a column: {fields} (a record that exists keeps them)"));
            }
        }
        lines.extend(self.all_warnings().iter().map(|warning| format!("warning: {warning}")));
        lines.extend(self.failed_rows.iter().map(|file| {
            let rows = if file.rows == 1 { "row" } else { "rows" };
            format!("{} has the {} {rows} that failed: correct and import it", file.path, file.rows)
        }));
        lines
    }
}
