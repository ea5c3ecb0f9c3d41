//! The fields that the columns of a table have.

use super::{
    cell::{TableCell, header_of},
    column_letters::{column_index, column_letters},
    field::{TableField, fields, find, is_always_ignored, names_of, normalized},
    row::{MAX_COLUMNS, TableRow},
    value_map::{Translation, ValueMap, translations},
    value_options::ValueOptions,
};
use crate::{
    columns::{file_field, finding_columns, required_columns},
    kinds::RecordKind,
};

/// The most columns that an error names.
const MAX_NAMED_COLUMNS: usize = 20;

/// The names of the columns that belong to a subject begin with this. They keep their values together or not at all.
const SUBJECT: &str = "subject_";

/// The caller's statements about a table.
#[derive(Clone, Debug, Default)]
pub struct MappingOptions {
    /// Fields, each with the header or the letters of its column.
    pub columns: Vec<(String, String)>,
    /// The field of each column by its index, `None` for a column that is left out. Then headers name no fields.
    pub chosen: Option<Vec<Option<String>>>,
    /// Values that stand for others.
    pub value_maps: Vec<ValueMap>,
    /// Whether columns that are no fields are left out.
    pub ignores_unknown: bool,
    /// The forms of the values.
    pub values: ValueOptions,
}

impl MappingOptions {
    /// Parses `field=column,…`. A column is named by its header, which may have a comma, or by its letters.
    ///
    /// # Errors
    /// The reason why the text is none.
    pub fn parse_columns(text: &str) -> Result<Vec<(String, String)>, String> {
        let mut columns: Vec<(String, String)> = Vec::new();
        for part in text.split(',') {
            match (part.split_once('='), columns.last_mut()) {
                (Some((field, column)), _) => columns.push((field.trim().to_owned(), column.to_owned())),
                (None, Some((_, column))) => {
                    column.push(',');
                    column.push_str(part);
                }
                (None, None) => return Err(format!("{part}: write FIELD=COLUMN, such as title=Name")),
            }
        }
        match columns.iter().find(|(field, column)| field.is_empty() || column.trim().is_empty()) {
            Some((field, column)) => Err(format!("{field}={column}: write FIELD=COLUMN, such as title=Name")),
            None => Ok(columns),
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct MappedColumn {
    pub(super) header: String,
    pub(super) field: Option<(String, TableField)>,
    /// Whether its header is a field that the caller has given another column.
    is_replaced: bool,
}

/// The fields of the columns of a table.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) kind: &'static RecordKind,
    pub(super) columns: Vec<MappedColumn>,
    pub(super) values: ValueOptions,
    kept_columns: Vec<usize>,
    pub(super) translations: Vec<Translation>,
    pub(super) errors: Vec<String>,
}

impl Mapping {
    /// Finds the fields of the columns by the header.
    #[must_use]
    pub fn new(kind: &'static RecordKind, header: &TableRow, options: &MappingOptions) -> Self {
        let mut errors: Vec<String> = header.fault.iter().cloned().collect();
        let mut columns = Vec::with_capacity(header.cells.len());
        for (index, cell) in header.cells.iter().enumerate() {
            let text = cell.text().unwrap_or_else(|error| {
                errors.push(format!("the header of column {} {error}", column_letters(index)));
                String::new()
            });
            columns.push(MappedColumn { header: header_of(&text), field: None, is_replaced: false });
        }
        let mut mapping = Self {
            kind,
            columns,
            values: options.values.clone(),
            kept_columns: Vec::new(),
            translations: Vec::new(),
            errors,
        };
        let fields = fields(kind);
        match &options.chosen {
            Some(chosen) => mapping.map_chosen_columns(&fields, chosen),
            None => {
                mapping.map_named_columns(&fields, &options.columns);
                mapping.map_other_columns(&fields);
                if !options.ignores_unknown {
                    mapping.check_unknown(&fields);
                }
            }
        }
        mapping.check_identity(options.chosen.is_some());
        let column_of = |name: &str| {
            mapping.columns.iter().position(|column| column.field.as_ref().is_some_and(|(own, _)| own == name))
        };
        match translations(&fields, &options.value_maps, column_of) {
            Ok(translations) => mapping.translations = translations,
            Err(errors) => mapping.errors.extend(errors),
        }
        mapping.kept_columns = mapping.columns_without_field();
        mapping
    }

    /// The errors of the table as a whole, because of which none of its rows can be used.
    #[must_use]
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// The columns that are fields which callers can set, by their headers or their letters, with the names of these.
    #[must_use]
    pub fn mapped(&self) -> Vec<(String, String)> {
        let mapped = self.columns.iter().enumerate().filter_map(|(index, column)| {
            let (name, field) = column.field.as_ref()?;
            let is_named = !column.header.is_empty();
            let header = if is_named { column.header.clone() } else { format!("({})", column_letters(index)) };
            field.column.map(|_| (header, name.clone()))
        });
        mapped.collect()
    }

    /// The headers of columns with fields that only the server sets, or that the caller has given another column, if the
    /// row has values in them. Those of fields that every record has are left out.
    pub fn ignored_values(&self, row: &TableRow) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().zip(&row.cells).filter(|(column, cell)| {
            let is_ignored = |(name, field): &(String, TableField)| field.column.is_none() && !is_always_ignored(name);
            (column.is_replaced || column.field.as_ref().is_some_and(is_ignored)) && !cell.is_blank()
        });
        columns.map(|(column, _)| column.header.as_str())
    }

    /// The indexes, among [`MappingOptions::value_maps`], of those that translate a cell of the row.
    pub fn translated(&self, row: &TableRow) -> impl Iterator<Item = usize> {
        let cell_of = |column: usize| row.cells.get(column).unwrap_or(&TableCell::Empty);
        let used = self.translations.iter().enumerate();
        used.filter(move |(_, translation)| translation.matches(cell_of(translation.column))).map(|(index, _)| index)
    }

    /// The columns that are not used: those that are no field, and those that only the server sets.
    #[must_use]
    pub fn unused(&self) -> Vec<String> {
        let is_used = |column: &MappedColumn| column.field.as_ref().is_some_and(|(_, field)| field.column.is_some());
        let unused = self.columns.iter().filter(|column| !is_used(column) && !column.header.is_empty());
        unused.map(|column| column.header.clone()).collect()
    }

    /// The fields that callers can set and that no column has. A reference has its name with `Key`.
    #[must_use]
    pub fn fields_without_column(&self) -> Vec<String> {
        let mut missing: Vec<(usize, String)> = Vec::new();
        for (name, field) in fields(self.kind) {
            let Some(column) = field.column.filter(|column| !self.has_column(*column)) else { continue };
            if missing.last().is_none_or(|(last, _)| *last != column) {
                missing.push((column, name));
            }
        }
        missing.into_iter().map(|(_, name)| name).collect()
    }

    /// The fields that no column has, and without which a row can create no record. A reference has its name with `Key`.
    #[must_use]
    pub fn needed_fields(&self) -> Vec<String> {
        let needed = required_columns(self.kind.kind).iter().filter(|column| !self.has_column(**column));
        needed.map(|column| file_field(self.kind, *column)).collect()
    }

    /// The indexes of the record's columns whose present values an update keeps, because the table does not have them.
    #[must_use]
    pub fn kept_columns(&self) -> &[usize] {
        &self.kept_columns
    }

    fn columns_without_field(&self) -> Vec<usize> {
        let is_subject =
            |index: usize| self.kind.columns.get(index).is_some_and(|column| column.name.starts_with(SUBJECT));
        let settable = || fields(self.kind).into_iter().filter_map(|(_, field)| field.column);
        let has_subject = settable().any(|column| is_subject(column) && self.has_column(column));
        let is_kept = |column: usize| !self.has_column(column) && (!has_subject || !is_subject(column));
        let mut kept: Vec<usize> = settable().filter(|column| is_kept(*column)).collect();
        kept.dedup();
        kept
    }

    fn has_column(&self, column: usize) -> bool {
        self.columns.iter().filter_map(|mapped| mapped.field.as_ref()).any(|(_, field)| field.column == Some(column))
    }

    /// The column in messages: its letters, and its header if that differs from the field.
    pub(super) fn column_name(&self, index: usize, field: &str) -> String {
        let header = self.columns.get(index).map_or("", |column| column.header.as_str());
        let header = if header == field || header.is_empty() { String::new() } else { format!(", {header:?}") };
        format!("column {}{header}", column_letters(index))
    }

    /// Maps the columns that the caller names.
    fn map_named_columns(&mut self, fields: &[(String, TableField)], named: &[(String, String)]) {
        for (field_name, column_name) in named {
            let Some((name, field)) = find(fields, field_name) else {
                let is_reversed = find(fields, column_name).is_some();
                let hint = if is_reversed { "; the field comes first: field=column" } else { "" };
                let names = names_of(fields);
                self.errors.push(format!(
                    "--map {field_name}={column_name}: there is no field {field_name:?}{hint}; the fields are {names}"
                ));
                continue;
            };
            if self.columns.iter().any(|column| column.field.as_ref().is_some_and(|(other, _)| other == name)) {
                self.errors.push(format!("--map {field_name}={column_name}: the field {name} is named twice"));
                continue;
            }
            match self.find_column(column_name) {
                Ok(index) => {
                    if let Some(column) = self.columns.get_mut(index) {
                        column.field = Some((name.clone(), *field));
                    }
                }
                Err(error) => self.errors.push(format!("--map {field_name}={column_name}: {error}")),
            }
        }
    }

    /// The index of the column with this header, or with these letters.
    fn find_column(&mut self, name: &str) -> Result<usize, String> {
        let exact = |column: &MappedColumn| column.header == name.trim();
        let alike =
            |column: &MappedColumn| !normalized(name).is_empty() && normalized(&column.header) == normalized(name);
        let matching = |is_match: &dyn Fn(&MappedColumn) -> bool| -> Vec<usize> {
            let columns = self.columns.iter().enumerate();
            columns.filter(|(_, column)| is_match(column)).map(|(index, _)| index).collect()
        };
        let exact = matching(&exact);
        let mut found = if exact.is_empty() { matching(&alike) } else { exact };
        if let Some(index) = column_index(name.trim()).filter(|index| found.is_empty() && *index < MAX_COLUMNS) {
            found.push(index);
            // The header may end before a column without one.
            while self.columns.len() <= index {
                self.columns.push(MappedColumn { header: String::new(), field: None, is_replaced: false });
            }
        }
        match found[..] {
            [index] if self.columns.get(index).is_some_and(|column| column.field.is_none()) => Ok(index),
            [_] => Err("the column has another field already".to_owned()),
            [] => {
                let columns = self.columns.iter().enumerate();
                let named = columns.map(|(index, column)| format!("{:?} ({})", column.header, column_letters(index)));
                Err(format!("there is no column {name:?}; the columns are {}", listed(named)))
            }
            _ => Err(format!(
                "several columns have this header: {}",
                listed(found.iter().map(|index| column_letters(*index)))
            )),
        }
    }

    /// Maps the columns whose headers are names of fields.
    fn map_other_columns(&mut self, fields: &[(String, TableField)]) {
        for index in 0..self.columns.len() {
            let Some(column) = self.columns.get(index).filter(|column| column.field.is_none()) else { continue };
            let Some((name, field)) = find(fields, &column.header) else { continue };
            let has_field = |column: &MappedColumn| column.field.as_ref().is_some_and(|(other, _)| other == name);
            match self.columns.iter().position(has_field) {
                None => {
                    if let Some(column) = self.columns.get_mut(index) {
                        column.field = Some((name.clone(), *field));
                    }
                }
                Some(other) if !self.is_called(other, fields, name) => {
                    if let Some(column) = self.columns.get_mut(index) {
                        column.is_replaced = true;
                    }
                }
                Some(other) => self.errors.push(format!(
                    "columns {} and {} both have the field {name}: rename one of them, or choose with --map {name}=COLUMN",
                    column_letters(other),
                    column_letters(index),
                )),
            }
        }
    }

    /// Whether the header of the column is itself the name of the field.
    fn is_called(&self, index: usize, fields: &[(String, TableField)], name: &str) -> bool {
        let header = self.columns.get(index).map_or("", |column| column.header.as_str());
        find(fields, header).is_some_and(|(own, _)| own == name)
    }

    fn check_unknown(&mut self, fields: &[(String, TableField)]) {
        let unknown = self.columns.iter().enumerate().filter(|(_, column)| {
            column.field.is_none() && !column.header.is_empty() && find(fields, &column.header).is_none()
        });
        let mut unknown =
            unknown.map(|(index, column)| format!("{:?} ({})", column.header, column_letters(index))).peekable();
        if unknown.peek().is_none() {
            return;
        }
        let unknown = listed(unknown);
        self.errors.push(format!(
            "no field of a {} has the name of these columns: {unknown}; the fields are {}; name the field of a column with \
             --map FIELD=COLUMN, or leave such columns out with --ignore-unknown",
            self.kind.title(),
            names_of(fields),
        ));
    }

    /// Checks that a row can find its record. What else a new record needs is an error of the rows that create one.
    fn check_identity(&mut self, is_chosen: bool) {
        let needed = finding_columns(self.kind).into_iter();
        let missing: Vec<String> = needed
            .filter(|column| {
                !self.has_column(*column) && self.kind.columns.get(*column).is_some_and(|column| !column.nullable)
            })
            .map(|column| file_field(self.kind, column))
            .collect();
        let (fields, add, their_columns) = match missing.len() {
            0 => return,
            1 => ("field", "it", "its column"),
            _ => ("fields", "them", "their columns"),
        };
        let remedy = if is_chosen {
            format!("choose {their_columns}")
        } else {
            format!("add {add}, or name {their_columns} with --map FIELD=COLUMN")
        };
        self.errors.push(format!(
            "no column has the {fields} {}, by which a row finds its record: {remedy}",
            missing.join(", "),
        ));
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let further = names.len().saturating_sub(MAX_NAMED_COLUMNS);
    let first = names.into_iter().take(MAX_NAMED_COLUMNS).collect::<Vec<_>>().join(", ");
    if further == 0 { first } else { format!("{first} and {further} more") }
}
