//! Reading query parameters: none is ignored, so that a mistyped filter never widens a pull (contract v1 § 1).

use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

use kernel::{Reason, ReasonRule};
use serde_json::{Value, json};

use crate::{
    body::{MOST_UNKNOWN, Reading, text},
    problem::{Issue, Problem},
};

/// The query of a call, being read. Like [`crate::body::Object`], it describes itself when there is nothing to read.
pub(crate) struct Query<'a> {
    given: Option<Vec<(Cow<'a, str>, Cow<'a, str>)>>,
    asked: Vec<Parameter>,
    issues: Vec<Issue>,
}

/// A parameter as the API's document has it.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    pub(crate) schema: Value,
    pub(crate) required: bool,
}

impl<'a> Query<'a> {
    pub(crate) fn parse(raw: &'a str) -> Self {
        let mut issues = Vec::new();
        let mut given: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        if form_urlencoded::parse(raw.as_bytes()).nth(MOST_PARAMETERS).is_some() {
            issues.push(Issue::new(["query"], format!("takes at most {MOST_PARAMETERS} parameters")));
            return Self { given: Some(given), asked: Vec::new(), issues };
        }
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                issues.push(Issue::new(["query", &name], "is not valid UTF-8"));
            } else if given.iter().any(|(earlier, _)| *earlier == name) {
                issues.push(Issue::new(["query", &name], "is given twice; separate several values by commas"));
            } else {
                given.push((name, value));
            }
        }
        Self { given: Some(given), asked: Vec::new(), issues }
    }

    /// The parameters that `read` asks for.
    pub(crate) fn describe<T>(read: impl FnOnce(&mut Query<'_>) -> T) -> Vec<Parameter> {
        let mut query = Query { given: None, asked: Vec::new(), issues: Vec::new() };
        read(&mut query);
        query.asked
    }

    fn take(&mut self, name: &'static str, says: &'static str, schema: impl FnOnce() -> Value) -> Option<String> {
        let Some(given) = &self.given else {
            self.asked.push(Parameter { name, says, schema: schema(), required: false });
            return None;
        };
        self.asked.push(Parameter { name, says, schema: Value::Null, required: false });
        given.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone().into_owned())
    }

    /// One value.
    pub(crate) fn one<T, E: Display>(
        &mut self,
        name: &'static str,
        says: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name, says, schema)?;
        read(&text).map_err(|error| self.fault(name, error.to_string())).ok()
    }

    /// One value that must be there.
    pub(crate) fn required<T, E: Display>(
        &mut self,
        name: &'static str,
        says: &'static str,
        schema: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name, says, schema);
        if let Some(asked) = self.asked.last_mut() {
            asked.required = true;
        }
        if text.is_none() && self.given.is_some() {
            self.fault(name, "is required");
        }
        read(&text?).map_err(|error| self.fault(name, error.to_string())).ok()
    }

    /// The reason that a mutation without a body gives.
    pub(crate) fn reason(&mut self) -> Option<Reason> {
        self.required("reason", "Why, for the audit log.", || text::<ReasonRule>().schema(), Reason::parse)
    }

    /// Values separated by commas, any of which will do; none of them means no filter.
    pub(crate) fn any_of<T: Ord, E: Display>(
        &mut self,
        name: &'static str,
        says: &'static str,
        item: impl FnOnce() -> Value,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> BTreeSet<T> {
        let schema = || json!({ "type": "array", "items": item(), "maxItems": MOST_VALUES });
        let Some(text) = self.take(name, says, schema) else { return BTreeSet::new() };
        if text.split(',').count() > MOST_VALUES {
            self.fault(name, format!("takes at most {MOST_VALUES} values"));
            return BTreeSet::new();
        }
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            match read(part) {
                Ok(value) => {
                    values.insert(value);
                }
                Err(error) => self.fault(name, error.to_string()),
            }
        }
        values
    }

    pub(crate) fn fault(&mut self, name: &str, message: impl Into<Cow<'static, str>>) {
        self.issues.push(Issue::new(["query", name], message));
    }

    /// Finds fault with a body where there should be none.
    pub(crate) fn refuse_body(&mut self) {
        self.issues.push(Issue::new([], "takes no body: what it takes are parameters of the query"));
    }

    /// What was given but for these names, in a fixed order: what a cursor is bound to.
    pub(crate) fn given_but(&self, names: &[&str]) -> Vec<(&str, &str)> {
        let mut given: Vec<(&str, &str)> = self
            .given
            .iter()
            .flatten()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .filter(|(name, _)| !names.contains(name))
            .collect();
        given.sort_unstable();
        given
    }

    /// Every fault there is, parameters that nobody asked for included.
    pub(crate) fn finish(&mut self) -> Result<(), Problem> {
        let names = self.given.iter().flatten().map(|(name, _)| name);
        let unknown: Vec<_> = names.filter(|name| !self.asked.iter().any(|asked| asked.name == **name)).collect();
        if !unknown.is_empty() {
            let allowed = self.asked.iter().map(|asked| asked.name).collect::<Vec<_>>().join(", ");
            let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed };
            for name in unknown.iter().take(MOST_UNKNOWN) {
                self.issues
                    .push(Issue::new(["query", name], format!("there is no such parameter; allowed are: {allowed}")));
            }
            if let Some(more) = unknown.len().checked_sub(MOST_UNKNOWN).filter(|more| *more > 0) {
                self.issues.push(Issue::new(["query"], format!("there are {more} more parameters that are not known")));
            }
        }
        if self.issues.is_empty() { Ok(()) } else { Err(Problem::validation(std::mem::take(&mut self.issues))) }
    }
}

/// Bounds the work of telling parameters apart, which anybody can ask for.
const MOST_PARAMETERS: usize = 50;
/// Bounds the shapes of queries a store is asked.
const MOST_VALUES: usize = 50;
