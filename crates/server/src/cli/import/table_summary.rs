//! The columns of imported tables.

use import::table::Mapping;
use serde_json::{Map, Value, json};

use super::input::Input;
use crate::cli::columns;

/// The columns of imported tables, and warnings about their cells.
#[derive(Debug, Default)]
pub(super) struct TableSummary {
    tables: Vec<TableColumns>,
    pub(super) warnings: Vec<String>,
}

/// The columns of one table.
#[derive(Debug)]
struct TableColumns {
    /// The name of the file, if there are several.
    file: Option<String>,
    mapped: Vec<(String, String)>,
    unused: Vec<String>,
    fields_without_column: Vec<String>,
}

impl TableSummary {
    pub(super) fn add(&mut self, input: &Input, mapping: &Mapping) {
        self.tables.push(TableColumns {
            file: input.distinguishing_name(),
            mapped: mapping.mapped(),
            unused: mapping.unused(),
            fields_without_column: mapping.fields_without_column(),
        });
    }

    /// The members of the document with the summary.
    pub(super) fn document(&self) -> Map<String, Value> {
        let table = |table: &TableColumns| {
            let columns = table.mapped.iter().map(|(column, field)| json!({ "column": column, "field": field }));
            json!({
                "file": table.file,
                "columns": columns.collect::<Vec<Value>>(),
                "unusedColumns": table.unused,
                "fieldsWithoutColumn": table.fields_without_column,
            })
        };
        let members = [
            ("tables", self.tables.iter().map(table).collect::<Vec<Value>>().into()),
            ("warnings", json!(self.warnings)),
        ];
        members.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect()
    }

    /// The lines of the summary. A dry run shows the columns.
    pub(super) fn lines(&self, dry_run: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for table in self.tables.iter().filter(|_| dry_run) {
            let rows = table.mapped.iter().map(|(column, field)| vec![format!("  {column}"), field.clone()]);
            let header = vec!["column".to_owned(), "field".to_owned()];
            lines.extend(table.file.iter().map(|file| format!("{file}:")));
            lines.push(columns(&[header].into_iter().chain(rows).collect::<Vec<_>>()));
            if !table.unused.is_empty() {
                lines.push(format!("not used: {}", table.unused.join(", ")));
            }
            if !table.fields_without_column.is_empty() {
                let fields = table.fields_without_column.join(", ");
                lines.push(format!("without a column: {fields} (a record that exists keeps them)"));
            }
        }
        lines.extend(self.warnings.iter().map(|warning| format!("warning: {warning}")));
        lines
    }
}
