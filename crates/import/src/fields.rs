//! Reads the fields of a record one by one and collects all errors.

pub(crate) mod finding;

use std::fmt::Display;

use kernel::{Column, ColumnType, Decoder, Record, Reference, SubjectGroup, Text, TextError, Timestamp};
use serde_json::{Map, Value};

use crate::field_name::field_name;

/// The greatest integer that every JSON parser represents exactly.
const MAX_INTEGER: i64 = 1 << 53;

/// The unread fields of one record, with the errors found so far.
pub(crate) struct RecordFields {
    remaining: Map<String, Value>,
    expected: Vec<String>,
    errors: Vec<String>,
}

impl RecordFields {
    /// Creates the fields of a record. `keys` are the names of the fields in which a reference may be a key.
    pub(crate) fn new(fields: Map<String, Value>, keys: impl IntoIterator<Item = String>) -> Self {
        Self { remaining: fields, expected: keys.into_iter().collect(), errors: Vec::new() }
    }

    /// Reads a required text field.
    pub(crate) fn required<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        self.check_present(name);
        self.optional(name, parse)
    }

    /// Reads an optional text field.
    pub(crate) fn optional<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|error| self.add_error(name, error)).ok()
    }

    /// Reads an optional field with an enumerated value.
    pub(crate) fn enum_value<T: Copy>(
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
    pub(crate) fn required_enum_value<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Option<T> {
        self.check_present(name);
        self.enum_value(name, all, name_of)
    }

    /// Reads an optional date or timestamp.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        Timestamp::parse_date_or_time(&text).map_err(|error| self.add_error(name, error)).ok()
    }

    /// Reads an optional reference to another module or an external system.
    pub(crate) fn reference(&mut self, name: &'static str) -> Option<Reference> {
        self.optional(name, Text::parse)
    }

    /// Reads the three fields of a subject; either all or none must be present.
    pub(crate) fn subject(&mut self) -> Option<SubjectGroup> {
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

    /// Ignores the fields that only the server sets.
    pub(crate) fn ignore_server_fields(&mut self, columns: &[Column]) {
        for name in SERVER_FIELDS {
            self.remaining.remove(*name);
        }
        for column in columns.iter().filter(|column| column.is_derived) {
            self.remaining.remove(&field_name(column));
        }
    }

    /// Adds an error of a field.
    pub(crate) fn add_error(&mut self, name: &str, error: impl Display) {
        self.errors.push(format!("{name}: {error}"));
    }

    /// Returns all errors, including those for unknown fields.
    pub(crate) fn into_errors(self) -> impl Iterator<Item = String> {
        let unknown_fields: Vec<_> = self
            .remaining
            .keys()
            .take(MAX_UNKNOWN_FIELDS)
            .map(|name| format!("{name}: unknown field; the fields are {}", self.expected.join(", ")))
            .collect();
        self.errors.into_iter().chain(unknown_fields)
    }

    /// Reads a record of a register. A field that the line leaves out is cleared, so that a register follows its file; a
    /// status that is left out has its default in a new record.
    pub(crate) fn record<R: Record>(&mut self) -> Option<R> {
        self.ignore_server_fields(R::COLUMNS);
        R::decode(&mut ColumnReader { fields: self, columns: R::COLUMNS, consumed: 0, text: None }).ok()
    }

    fn check_present(&mut self, name: &str) {
        if self.remaining.get(name).is_none_or(Value::is_null) {
            self.add_error(name, "is required");
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, "must be a string", |value| if let Value::String(text) = value { Some(text) } else { None })
    }

    /// Takes an integer, as a text.
    fn integer(&mut self, name: &str) -> Option<String> {
        let error = format!("must be an integer from -{MAX_INTEGER} to {MAX_INTEGER}");
        let is_allowed = |number: &i64| (-MAX_INTEGER..=MAX_INTEGER).contains(number);
        self.take(name, &error, |value| value.as_i64().filter(is_allowed).map(|number| number.to_string()))
    }

    /// Takes a list of texts without spaces, as one text with spaces between them.
    fn texts(&mut self, name: &str) -> Option<String> {
        self.take(name, "must be a list of strings", |value| {
            let texts: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
            Some(texts?.join(" "))
        })
    }

    /// Takes a value; adds an error if `convert` refuses it.
    fn take(&mut self, name: &str, error: &str, convert: impl FnOnce(Value) -> Option<String>) -> Option<String> {
        self.expected.push(name.to_owned());
        let value = self.remaining.remove(name).filter(|value| !value.is_null())?;
        let converted = convert(value);
        if converted.is_none() {
            self.add_error(name, error);
        }
        converted
    }
}

/// The fields of every record that only the server sets.
const SERVER_FIELDS: &[&str] = &["id", "createdAt", "updatedAt"];

/// The most unknown fields that an error lists.
const MAX_UNKNOWN_FIELDS: usize = 10;

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
        let Some(column) = self.columns.get(self.consumed) else { return Ok(None) };
        self.consumed += 1;
        let errors = self.fields.errors.len();
        self.text = match column.column_type {
            _ if column.is_derived => None,
            ColumnType::Integer => self.fields.integer(&field_name(column)),
            ColumnType::Ids(_) => self.fields.texts(&field_name(column)),
            _ => self.fields.text(&field_name(column)),
        };
        if self.fields.errors.len() > errors { Err(()) } else { Ok(self.text.as_deref()) }
    }

    fn invalid(&mut self, columns_back: usize, message: &dyn Display) {
        let column = self.columns.get(self.consumed - 1 - columns_back);
        self.fields.add_error(&column.map(field_name).unwrap_or_default(), message);
    }
}
