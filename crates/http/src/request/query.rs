//! Decoding of query parameters. Unknown parameters are errors, so that a mistyped filter never widens the result of a
//! list (contract v1 § 1).

use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

use kernel::{Reason, ReasonRule};
use serde_json::{Value, json};

use super::{
    body::MAX_UNKNOWN_REPORTED,
    field_readers::{FieldReader, text},
};
use crate::response::{Issue, Problem};

/// A reader of query parameters. Like [`super::BodyReader`], it yields the description of the parameters when it is run
/// without a query.
pub struct Query<'a> {
    parameters: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    declared: Vec<Parameter>,
    issues: Vec<Issue>,
}

/// A query parameter for the OpenAPI document.
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// The description, for the callers.
    pub description: &'static str,
    /// The JSON Schema of its value.
    pub schema: Value,
    /// Whether a request without it is invalid.
    pub required: bool,
}

impl<'a> Query<'a> {
    /// Parses the query of a URL.
    #[must_use]
    pub fn parse(raw: &'a str) -> Self {
        let mut issues = Vec::new();
        let mut parameters: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        if form_urlencoded::parse(raw.as_bytes()).nth(MAX_PARAMETERS).is_some() {
            issues.push(Issue::new(["query"], format!("must have at most {MAX_PARAMETERS} parameters")));
            return Self { parameters: Some(parameters), declared: Vec::new(), issues };
        }
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                issues.push(Issue::new(["query", &name], "is not valid UTF-8"));
            } else if parameters.iter().any(|(earlier, _)| *earlier == name) {
                issues.push(Issue::new(["query", &name], "is repeated; separate several values by commas"));
            } else {
                parameters.push((name, value));
            }
        }
        Self { parameters: Some(parameters), declared: Vec::new(), issues }
    }

    /// Returns the parameters that `read` declares.
    pub fn describe<T>(read: impl FnOnce(&mut Query<'_>) -> T) -> Vec<Parameter> {
        let mut query = Query { parameters: None, declared: Vec::new(), issues: Vec::new() };
        read(&mut query);
        query.declared
    }

    fn take(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
    ) -> Option<String> {
        let Some(parameters) = &self.parameters else {
            self.declared.push(Parameter { name, description, schema: schema(), required: false });
            return None;
        };
        self.declared.push(Parameter { name, description, schema: Value::Null, required: false });
        parameters.iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value.clone().into_owned())
    }

    /// Reads an optional parameter with one value.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name, description, schema)?;
        read(&text).map_err(|error| self.error(name, error.to_string())).ok()
    }

    /// Reads a required parameter with one value.
    pub fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name, description, schema);
        if let Some(declared) = self.declared.last_mut() {
            declared.required = true;
        }
        if text.is_none() && self.parameters.is_some() {
            self.error(name, "is required");
        }
        read(&text?).map_err(|error| self.error(name, error.to_string())).ok()
    }

    /// Reads the reason that a write without a body must give.
    pub fn reason(&mut self) -> Option<Reason> {
        self.required(
            "reason",
            "The reason of the change, which is recorded in the audit log.",
            || text::<ReasonRule>().schema(),
            Reason::parse,
        )
    }

    /// Reads a filter with comma-separated values, of which a record must have one. An empty set means no filter.
    pub fn list<T: Ord, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        item: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> BTreeSet<T> {
        let schema = || json!({ "type": "array", "items": item(), "maxItems": MAX_VALUES });
        let Some(text) = self.take(name, description, schema) else { return BTreeSet::new() };
        if text.split(',').count() > MAX_VALUES {
            self.error(name, format!("must have at most {MAX_VALUES} values"));
            return BTreeSet::new();
        }
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            match read(part) {
                Ok(value) => {
                    values.insert(value);
                }
                Err(error) => self.error(name, error.to_string()),
            }
        }
        values
    }

    /// Adds an error about a parameter.
    pub fn error(&mut self, name: &str, message: impl Into<Cow<'static, str>>) {
        self.issues.push(Issue::new(["query", name], message));
    }

    /// Adds an error about a body that must be empty.
    pub(crate) fn reject_body(&mut self) {
        self.issues.push(Issue::new([], "the body must be empty: this endpoint only has query parameters"));
    }

    /// Returns the given parameters except these, in a fixed order. Cursors are bound to them.
    pub(crate) fn except(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let mut parameters: Vec<(&str, &str)> = self
            .parameters
            .iter()
            .flatten()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .filter(|(name, _)| !names.contains(name))
            .collect();
        parameters.sort_unstable();
        parameters
    }

    /// Returns all errors, including those about parameters that are not declared.
    ///
    /// # Errors
    /// A 400 response, if there are any.
    pub fn finish(&mut self) -> Result<(), Problem> {
        let names = self.parameters.iter().flatten().map(|(name, _)| name);
        let unknown: Vec<_> =
            names.filter(|name| !self.declared.iter().any(|declared| declared.name == **name)).collect();
        if !unknown.is_empty() {
            let allowed = self.declared.iter().map(|declared| declared.name).collect::<Vec<_>>().join(", ");
            let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed };
            for (index, name) in unknown.iter().take(MAX_UNKNOWN_REPORTED).enumerate() {
                // The allowed parameters are listed once, because the list is many times longer than a name.
                let message = if index == 0 {
                    Cow::Owned(format!("unknown parameter; the allowed parameters are: {allowed}"))
                } else {
                    Cow::Borrowed("unknown parameter")
                };
                self.issues.push(Issue::new(["query", name], message));
            }
            if let Some(more) = unknown.len().checked_sub(MAX_UNKNOWN_REPORTED).filter(|more| *more > 0) {
                self.issues.push(Issue::new(["query"], format!("{more} more unknown parameters are not listed")));
            }
        }
        if self.issues.is_empty() { Ok(()) } else { Err(Problem::validation(std::mem::take(&mut self.issues))) }
    }
}

/// The maximum number of parameters, which bounds the quadratic search for duplicates.
const MAX_PARAMETERS: usize = 50;
/// The maximum number of values of one filter, which bounds the number of different statements in the store.
const MAX_VALUES: usize = 50;
