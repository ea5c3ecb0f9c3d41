//! Taking a record's fields one by one, noting every fault.

use std::fmt::Display;

use kernel::{Reference, SubjectGroup, Text, TextError, Timestamp};
use serde_json::{Map, Value};

/// The fields of one record that are still to be taken, and what was found wrong.
pub(super) struct Fields {
    rest: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<String>,
}

impl Fields {
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        Self { rest: fields, known: Vec::new(), faults: Vec::new() }
    }

    /// A field that has to be there.
    pub(super) fn required<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        self.ask_for(name);
        self.optional(name, parse)
    }

    /// A field that may be left out.
    pub(super) fn optional<T>(&mut self, name: &'static str, parse: fn(&str) -> Result<T, TextError>) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|error| self.note(name, error)).ok()
    }

    /// A field with a choice of words.
    pub(super) fn word<T: Copy>(&mut self, name: &'static str, all: &[T], word: fn(T) -> &'static str) -> Option<T> {
        let text = self.text(name)?;
        let found = all.iter().copied().find(|choice| word(*choice) == text);
        if found.is_none() {
            let words: Vec<_> = all.iter().map(|choice| word(*choice)).collect();
            self.note(name, format_args!("there is no {text:?}; there are {}", words.join(", ")));
        }
        found
    }

    /// A field with a choice of words that has to be there.
    pub(super) fn required_word<T: Copy>(
        &mut self,
        name: &'static str,
        all: &[T],
        word: fn(T) -> &'static str,
    ) -> Option<T> {
        self.ask_for(name);
        self.word(name, all, word)
    }

    /// A date or a timestamp.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        Timestamp::parse_date_or_time(&text).map_err(|error| self.note(name, error)).ok()
    }

    /// A reference to something in another module or outside.
    pub(super) fn reference(&mut self, name: &'static str) -> Option<Reference> {
        self.optional(name, Text::parse)
    }

    /// The three fields of a subject, all there or none.
    pub(super) fn subject(&mut self) -> Option<SubjectGroup> {
        let names = ["subjectModuleKey", "subjectResourceType", "subjectResourceId"];
        let before = self.faults.len();
        let [module_key, resource_type, resource_id] = names.map(|name| self.reference(name));
        let missing = [module_key.is_none(), resource_type.is_none(), resource_id.is_none()];
        match SubjectGroup::of_parts(module_key, resource_type, resource_id) {
            Ok(group) => group,
            Err(invalid) => {
                // A part that is there but wrong has been named by itself.
                let name = names.into_iter().zip(missing).find_map(|(name, missing)| missing.then_some(name));
                if self.faults.len() == before {
                    self.note(name.unwrap_or_default(), invalid.message);
                }
                None
            }
        }
    }

    /// Fields that the server sets itself: what they hold is not looked at.
    pub(super) fn pass_over(&mut self, names: &[&'static str]) {
        for name in names {
            self.rest.remove(*name);
        }
    }

    /// Notes a fault that only the kind can know of.
    pub(super) fn note(&mut self, name: &str, fault: impl Display) {
        self.faults.push(format!("{name}: {fault}"));
    }

    /// Everything that is wrong, the fields that nobody took included.
    pub(super) fn faults(self) -> impl Iterator<Item = String> {
        let unknown: Vec<_> =
            self.rest.keys().map(|name| format!("{name}: unknown; there are {}", self.known.join(", "))).collect();
        self.faults.into_iter().chain(unknown)
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
                self.note(name, "must be a text");
                None
            }
        }
    }
}
