//! Decoding of query parameters. Unknown parameters are errors, so that a mistyped filter never widens the result of a
//! list (contract v1 § 1).

use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

use kernel::{Reason, ReasonRule};
use serde_json::{Value, json};

use super::{
    body::MAX_UNKNOWN_REPORTED,
    field_readers::{FieldReader, text},
    percent::decode,
};
use crate::response::{Issue, Problem};

/// A reader of query parameters. Like [`super::BodyReader`], it yields the description of the parameters when it is run
/// without a query.
pub struct Query<'a> {
    parameters: Option<Vec<Given<'a>>>,
    declared: Vec<Parameter>,
    /// The names of parameters that were given before.
    repeated: Vec<Cow<'a, str>>,
    issues: Vec<Issue>,
}

/// A parameter of a request.
struct Given<'a> {
    name: Cow<'a, str>,
    /// The value as it is in the URL.
    raw: &'a str,
    value: Cow<'a, str>,
    /// The name and the value in the form that all spellings of the same meaning share.
    meaning: (Cow<'a, str>, Cow<'a, str>),
}

/// A parameter for the OpenAPI document: one of the query, or a header that only some endpoints have.
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// Whether it is a header.
    pub is_header: bool,
    /// The description, for the callers.
    pub description: &'static str,
    /// The JSON Schema of its value.
    pub schema: Value,
    /// Whether a request without it is invalid.
    pub required: bool,
    /// How several values are separated, for the callers; empty if it has one value.
    pub separators: &'static str,
}

impl Parameter {
    fn in_query(name: &'static str, description: &'static str, schema: Value) -> Self {
        Self { name, is_header: false, description, schema, required: false, separators: "" }
    }

    /// Creates the description of a header.
    #[must_use]
    pub fn header(name: &'static str, description: &'static str, required: bool) -> Self {
        Self { is_header: true, required, ..Self::in_query(name, description, json!({ "type": "string" })) }
    }
}

impl<'a> Query<'a> {
    /// Parses the query of a URL.
    #[must_use]
    pub fn parse(raw: &'a str) -> Self {
        let (mut issues, mut repeated) = (Vec::new(), Vec::new());
        let mut parameters: Vec<Given<'a>> = Vec::new();
        let pairs = || raw.split('&').filter(|pair| !pair.is_empty());
        if pairs().nth(MAX_PARAMETERS).is_some() {
            issues.push(Issue::new(["query"], format!("must have at most {MAX_PARAMETERS} parameters")));
            return Self { parameters: Some(parameters), declared: Vec::new(), repeated, issues };
        }
        for pair in pairs() {
            let (raw_name, raw) = pair.split_once('=').unwrap_or((pair, ""));
            let name = match decode(raw_name) {
                Ok(name) => name,
                Err(error) => {
                    issues.push(Issue::new(["query", raw_name], error));
                    continue;
                }
            };
            if parameters.iter().any(|earlier| earlier.name == name) {
                repeated.push(name);
                continue;
            }
            match decode(raw) {
                Ok(value) => {
                    let meaning = (name.clone(), value.clone());
                    parameters.push(Given { name, raw, value, meaning });
                }
                Err(error) => issues.push(Issue::new(["query", &name], error)),
            }
        }
        Self { parameters: Some(parameters), declared: Vec::new(), repeated, issues }
    }

    /// Returns the parameters that `read` declares.
    pub fn describe<T>(read: impl FnOnce(&mut Query<'_>) -> T) -> Vec<Parameter> {
        let mut query = Query { parameters: None, declared: Vec::new(), repeated: Vec::new(), issues: Vec::new() };
        read(&mut query);
        query.declared
    }

    fn take(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
    ) -> Option<&Given<'a>> {
        let Some(parameters) = &self.parameters else {
            self.declared.push(Parameter::in_query(name, description, schema()));
            return None;
        };
        self.declared.push(Parameter::in_query(name, description, Value::Null));
        parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Reads an optional parameter with one value.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let read = read(&self.take(name, description, schema)?.value);
        read.map_err(|error| self.error(name, error.to_string())).ok()
    }

    /// Reads a required parameter with one value.
    pub fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.optional(name, description, schema, read);
        if let Some(declared) = self.declared.last_mut() {
            declared.required = true;
        }
        if self.parameters.as_ref().is_some_and(|given| given.iter().all(|given| given.name != name)) {
            self.error(name, "is required");
        }
        value
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

    /// Reads a filter with comma-separated values, of which a record must have one. An encoded comma (`%2C`) is part of a
    /// value. An empty set means no filter.
    pub fn list<T: Ord, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        item: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> BTreeSet<T> {
        self.values(name, description, item, SEPARATED_BY_PLAIN_COMMAS, read, |given| {
            given.raw.split(',').filter_map(|raw| decode(raw).ok()).collect()
        })
    }

    /// Reads a filter like [`Self::list`], whose values can't have a comma: an encoded one separates them, too. Some
    /// clients encode every comma.
    pub fn choices<T: Ord, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        item: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> BTreeSet<T> {
        self.values(name, description, item, SEPARATED_BY_COMMAS, read, |given| {
            given.value.split(',').map(|value| Cow::Owned(value.to_owned())).collect()
        })
    }

    fn values<T: Ord, E: Display>(
        &mut self,
        name: &'static str,
        description: &'static str,
        item: impl FnOnce() -> Value,
        separators: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
        split: impl Fn(&Given<'a>) -> Vec<Cow<'a, str>>,
    ) -> BTreeSet<T> {
        let schema = || json!({ "type": "array", "items": item(), "minItems": 1, "maxItems": MAX_VALUES });
        let parts = self.take(name, description, schema).map(split);
        if let Some(declared) = self.declared.last_mut() {
            declared.separators = separators;
        }
        let Some(mut parts) = parts else { return BTreeSet::new() };
        if parts.len() > MAX_VALUES {
            self.error(name, format!("must have at most {MAX_VALUES} values"));
            return BTreeSet::new();
        }
        let mut values = BTreeSet::new();
        for part in &parts {
            match read(part) {
                Ok(value) => {
                    values.insert(value);
                }
                Err(error) => self.error(name, error.to_string()),
            }
        }
        parts.sort_unstable();
        parts.dedup();
        let parts: Vec<_> = parts.iter().map(|part| part.replace('%', "%25").replace(',', "%2C")).collect();
        self.set_meaning(name, name, parts.join(","));
        values
    }

    /// Sets the name and the value that all spellings of a parameter have in common, if it was given. Otherwise they are
    /// those of the request.
    pub(crate) fn set_meaning(&mut self, name: &str, meant_name: &'static str, meant_value: String) {
        if let Some(given) = self.parameters.iter_mut().flatten().find(|given| given.name == name) {
            given.meaning = (meant_name.into(), meant_value.into());
        }
    }

    /// Adds an error about a parameter.
    pub fn error(&mut self, name: &str, message: impl Into<Cow<'static, str>>) {
        self.issues.push(Issue::new(["query", name], message));
    }

    /// Adds an error about another part of the request, such as a header.
    pub fn add_issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Adds an error about a body that must be empty.
    pub(crate) fn reject_body(&mut self) {
        self.issues.push(Issue::new([], "the body must be empty: this endpoint only has query parameters"));
    }

    /// Returns the meaning of the given parameters except these, in a fixed order. Cursors are bound to it, so that a
    /// filter may be spelled in another way on the next page.
    pub(crate) fn meaning_except(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let given = self.parameters.iter().flatten().filter(|given| !names.contains(&&*given.name));
        let mut parameters: Vec<(&str, &str)> = given.map(|given| (&*given.meaning.0, &*given.meaning.1)).collect();
        parameters.sort_unstable();
        parameters
    }

    /// Returns all errors, including those about parameters that are not declared.
    ///
    /// # Errors
    /// A 400 response, if there are any.
    pub fn finish(&mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.repeated) {
            let declared = self.declared.iter().find(|declared| declared.name == name);
            let message = match declared {
                Some(declared) if !declared.separators.is_empty() => "is repeated; separate several values by commas",
                _ => "is repeated; give it once",
            };
            self.issues.push(Issue::new(["query", &name], message));
        }
        let names = self.parameters.iter().flatten().map(|given| &given.name);
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

const SEPARATED_BY_PLAIN_COMMAS: &str =
    "Commas separate several values; a comma that is part of a value is written as `%2C`.";
const SEPARATED_BY_COMMAS: &str = "Commas separate several values.";

/// The maximum number of parameters, which bounds the quadratic search for duplicates.
const MAX_PARAMETERS: usize = 50;
/// The maximum number of values of one filter, which bounds the number of different statements in the store.
const MAX_VALUES: usize = 50;
