//! Reads the fields of a record one by one and collects all errors.

use std::fmt::Display;

use heck::ToLowerCamelCase as _;
use kernel::{Column, Decoder, Record, Reference, SubjectGroup, Text, TextError, Timestamp};
use serde_json::{Map, Value};

/// The unread fields of one record, with the errors found so far.
pub(super) struct RecordFields {
    remaining: Map<String, Value>,
    expected: Vec<String>,
    errors: Vec<String>,
}

impl RecordFields {
    pub(super) fn new(fields: Map<String, Value>) -> Self {
        Self { remaining: fields, expected: Vec::new(), errors: Vec::new() }
    }

    /// Reads a required text field.
    pub(super) fn required<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        self.check_present(name);
        self.optional(name, parse)
    }

    /// Reads an optional text field.
    pub(super) fn optional<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|error| self.add_error(name, error)).ok()
    }

    /// Reads an optional field with an enumerated value.
    pub(super) fn enum_value<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Option<T> {
        let text = self.text(name)?;
        let found = all.iter().copied().find(|choice| name_of(*choice) == text);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|choice| name_of(*choice)).collect();
            self.add_error(name, format_args!("must be one of: {}", names.join(", ")));
        }
        found
    }

    /// Reads a required field with an enumerated value.
    pub(super) fn required_enum_value<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Option<T> {
        self.check_present(name);
        self.enum_value(name, all, name_of)
    }

    /// Reads an optional date or timestamp.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        Timestamp::parse_date_or_time(&text).map_err(|error| self.add_error(name, error)).ok()
    }

    /// Reads an optional reference to another module or an external system.
    pub(super) fn reference(&mut self, name: &'static str) -> Option<Reference> {
        self.optional(name, Text::parse)
    }

    /// Reads the three fields of a subject; either all or none must be present.
    pub(super) fn subject(&mut self) -> Option<SubjectGroup> {
        let names = ["subjectModuleKey", "subjectResourceType", "subjectResourceId"];
        let before = self.errors.len();
        let [module_key, resource_type, resource_id] = names.map(|name| self.reference(name));
        let missing = [module_key.is_none(), resource_type.is_none(), resource_id.is_none()];
        match SubjectGroup::from_parts(module_key, resource_type, resource_id) {
            Ok(group) => group,
            Err(invalid) => {
                // An invalid part has been reported by itself.
                let name = names.into_iter().zip(missing).find_map(|(name, missing)| missing.then_some(name));
                if self.errors.len() == before {
                    self.add_error(name.unwrap_or_default(), invalid.message);
                }
                None
            }
        }
    }

    /// Ignores fields that only the server sets.
    pub(super) fn ignore(&mut self, names: &[&'static str]) {
        for name in names {
            self.remaining.remove(*name);
        }
    }

    /// Adds an error of a field.
    pub(super) fn add_error(&mut self, name: &str, error: impl Display) {
        self.errors.push(format!("{name}: {error}"));
    }

    /// Returns all errors, including those for unknown fields.
    pub(super) fn into_errors(self) -> impl Iterator<Item = String> {
        let unknown_fields: Vec<_> = self
            .remaining
            .keys()
            .map(|name| format!("{name}: unknown field; the fields are {}", self.expected.join(", ")))
            .collect();
        self.errors.into_iter().chain(unknown_fields)
    }

    /// Reads a record of a register. A field that the line leaves out is cleared, so that a register follows its file; a
    /// status that is left out has its default.
    pub(super) fn record<R: Record>(&mut self) -> Option<R> {
        let record = R::decode(&mut ColumnReader { fields: self, columns: R::COLUMNS, consumed: 0, text: None }).ok();
        self.ignore(SERVER_FIELDS);
        record
    }

    fn check_present(&mut self, name: &str) {
        if self.remaining.get(name).is_none_or(Value::is_null) {
            self.add_error(name, "is required");
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.expected.push(name.to_owned());
        match self.remaining.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.add_error(name, "must be a string");
                None
            }
        }
    }
}

/// The fields of every record that only the server sets.
const SERVER_FIELDS: &[&str] = &["id", "createdAt", "updatedAt"];

/// The name of a column's field in a bundle, which is that of the API.
pub(super) fn field_name(column: &Column) -> String {
    column.label.to_lower_camel_case()
}

/// Reads the fields of a record in the order of its columns.
struct ColumnReader<'f> {
    fields: &'f mut RecordFields,
    columns: &'static [Column],
    consumed: usize,
    /// The value of the column consumed last.
    text: Option<String>,
}

impl Decoder for ColumnReader<'_> {
    /// The error itself is in the fields.
    type Error = ();

    fn text(&mut self) -> Result<Option<&str>, ()> {
        let name = self.columns.get(self.consumed).map(field_name).unwrap_or_default();
        self.consumed += 1;
        let errors = self.fields.errors.len();
        self.text = self.fields.text(&name);
        if self.fields.errors.len() > errors { Err(()) } else { Ok(self.text.as_deref()) }
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) {
        let column = self.columns.get(self.consumed - 1 - columns_back);
        self.fields.add_error(&column.map(field_name).unwrap_or_default(), message);
    }
}
