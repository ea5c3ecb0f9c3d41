//! Reads the fields of a record one by one and collects all errors.

use std::fmt::Display;

use kernel::{Reference, SubjectGroup, Text, TextError, Timestamp};
use serde_json::{Map, Value};

/// The unread fields of one record, with the errors found so far.
pub(super) struct Fields {
    rest: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<String>,
}

impl Fields {
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        Self { rest: fields, known: Vec::new(), faults: Vec::new() }
    }

    /// Reads a required text field.
    pub(super) fn required<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        self.ask_for(name);
        self.optional(name, parse)
    }

    /// Reads an optional text field.
    pub(super) fn optional<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|error| self.note(name, error)).ok()
    }

    /// Reads an optional field with an enumerated value.
    pub(super) fn word<T: Copy>(&mut self, name: &'static str, all: &[T], name_of: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(name)?;
        let found = all.iter().copied().find(|choice| name_of(*choice) == text);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|choice| name_of(*choice)).collect();
            self.note(name, format_args!("unknown value {text:?}; must be one of {}", names.join(", ")));
        }
        found
    }

    /// Reads a required field with an enumerated value.
    pub(super) fn required_word<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        name_of: fn(T) -> &'static str,
    ) -> Option<T> {
        self.ask_for(name);
        self.word(name, all, name_of)
    }

    /// Reads an optional date or timestamp.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        Timestamp::parse_date_or_time(&text).map_err(|error| self.note(name, error)).ok()
    }

    /// Reads an optional reference to another module or an external system.
    pub(super) fn reference(&mut self, name: &'static str) -> Option<Reference> {
        self.optional(name, Text::parse)
    }

    /// Reads the three fields of a subject; either all or none must be present.
    pub(super) fn subject(&mut self) -> Option<SubjectGroup> {
        let names = ["subjectModuleKey", "subjectResourceType", "subjectResourceId"];
        let before = self.faults.len();
        let [module_key, resource_type, resource_id] = names.map(|name| self.reference(name));
        let missing = [module_key.is_none(), resource_type.is_none(), resource_id.is_none()];
        match SubjectGroup::from_parts(module_key, resource_type, resource_id) {
            Ok(group) => group,
            Err(invalid) => {
                // An invalid part has been reported by itself.
                let name = names.into_iter().zip(missing).find_map(|(name, missing)| missing.then_some(name));
                if self.faults.len() == before {
                    self.note(name.unwrap_or_default(), invalid.message);
                }
                None
            }
        }
    }

    /// Ignores fields that only the server sets.
    pub(super) fn pass_over(&mut self, names: &[&'static str]) {
        for name in names {
            self.rest.remove(*name);
        }
    }

    /// Adds an error of a field.
    pub(super) fn note(&mut self, name: &str, error: impl Display) {
        self.faults.push(format!("{name}: {error}"));
    }

    /// Returns all errors, including those for unknown fields.
    pub(super) fn faults(self) -> impl Iterator<Item = String> {
        let unknown_fields: Vec<_> = self
            .rest
            .keys()
            .map(|name| format!("{name}: unknown field; the fields are {}", self.known.join(", ")))
            .collect();
        self.faults.into_iter().chain(unknown_fields)
    }

    fn ask_for(&mut self, name: &str) {
        if self.rest.get(name).is_none_or(Value::is_null) {
            self.note(name, "missing");
        }
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        match self.rest.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.note(name, "must be a string");
                None
            }
        }
    }
}
