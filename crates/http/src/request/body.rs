//! Decoding of request bodies. All errors are reported at once, and the same declarations produce the JSON Schema of
//! the OpenAPI document.

mod lists;

use std::borrow::Cow;

use kernel::{Patch, Reason};
use serde_json::{Map, Value, json};

use super::{
    field_readers::{FieldReader, text},
    sent_back::SentBack,
};
use crate::response::{Issue, MAX_ISSUES, Problem};

/// A reader of a JSON object. It records the fields that it decodes; run by [`BodyReader::describe`], which passes no
/// object, it yields the schema instead.
pub struct BodyReader<'a> {
    members: Option<&'a Map<String, Value>>,
    declared: Vec<DeclaredField>,
    /// The names of given members that are not fields, but belong to the record.
    sent_back: Vec<String>,
    issues: Vec<Issue>,
    /// Whether an error about an unknown field lists the allowed ones.
    lists_fields: bool,
}

/// The maximum number of unknown names of one object or query that are reported, so that the response can't be many
/// times larger than the request.
pub(super) const MAX_UNKNOWN_REPORTED: usize = 20;

/// The beginning of the list of allowed fields in an error.
const ALLOWED_FIELDS: &str = "the allowed fields are";

/// A field that was read.
struct DeclaredField {
    name: Cow<'static, str>,
    required: bool,
    nullable: bool,
    schema: Value,
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self {
            members: Some(members),
            declared: Vec::with_capacity(20),
            sent_back: Vec::new(),
            issues: Vec::new(),
            lists_fields: true,
        }
    }

    /// Returns the JSON Schema of the objects that `read` accepts.
    pub fn describe<T>(read: impl FnOnce(&mut BodyReader<'_>) -> T) -> Value {
        let mut object = BodyReader {
            members: None,
            declared: Vec::new(),
            sent_back: Vec::new(),
            issues: Vec::new(),
            lists_fields: true,
        };
        read(&mut object);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in object.declared {
            if field.required {
                required.push(field.name.clone());
            }
            let schema = if field.nullable { nullable(field.schema) } else { field.schema };
            properties.insert(field.name.into_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn take<R: FieldReader>(
        &mut self,
        name: &'static str,
        reader: &R,
        required: bool,
        nullable: bool,
    ) -> Option<&'a Value> {
        let Some(members) = self.members else {
            self.declared.push(DeclaredField { name: name.into(), required, nullable, schema: reader.schema() });
            return None;
        };
        self.declared.push(DeclaredField { name: name.into(), required, nullable, schema: Value::Null });
        let value = members.get(name);
        if required && value.is_none_or(Value::is_null) {
            self.issues.push(Issue::new([name], "is required"));
            return None;
        }
        value
    }

    fn read<R: FieldReader>(&mut self, name: &'static str, reader: &R, value: &Value) -> Option<R::Output> {
        reader.read(value).map_err(|message| self.issues.push(Issue::new([name], message))).ok()
    }

    /// Reads a required field.
    pub fn required<R: FieldReader>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, true, false)?;
        self.read(name, &reader, value)
    }

    /// Reads a field that may be absent or null.
    pub fn optional<R: FieldReader>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, false, true)?;
        if value.is_null() { None } else { self.read(name, &reader, value) }
    }

    /// Reads a field of a PATCH that may be absent but not null.
    pub fn patch_required<R: FieldReader>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, false, false)?;
        if value.is_null() {
            self.issues.push(Issue::new([name], "can't be null"));
            return None;
        }
        self.read(name, &reader, value)
    }

    /// Reads a field of a PATCH that may be absent, or null to clear the value.
    pub fn patch_nullable<R: FieldReader>(&mut self, name: &'static str, reader: R) -> Patch<R::Output> {
        match self.take(name, &reader, false, true) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => self.read(name, &reader, value).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// Reads the reason that every write must give.
    pub fn reason(&mut self) -> Option<Reason> {
        self.required("reason", text())
    }

    /// Takes the members of a record that were not read as fields, because callers can't set them. A caller may send them
    /// back as they were read. `schema` returns the JSON Schema of the record. All fields must have been read before.
    pub fn sent_back(&mut self, schema: impl FnOnce() -> Value) -> SentBack {
        let is_field = |declared: &[DeclaredField], name: &str| declared.iter().any(|field| field.name == name);
        if self.members.is_some_and(|members| members.keys().all(|name| is_field(&self.declared, name))) {
            return SentBack::default();
        }
        let mut schema = schema();
        let properties = schema["properties"].as_object_mut().map(std::mem::take).unwrap_or_default();
        let others = properties.into_iter().filter(|(name, _)| !is_field(&self.declared, name)).collect::<Vec<_>>();
        let Some(members) = self.members else {
            let read_only = others.into_iter().map(|(name, mut schema)| {
                schema["readOnly"] = json!(true);
                DeclaredField { name: name.into(), required: false, nullable: false, schema }
            });
            self.declared.extend(read_only.collect::<Vec<_>>());
            return SentBack::default();
        };
        let values = others.into_iter().filter_map(|(name, _)| {
            let value = members.get(&name)?.clone();
            Some((name, value))
        });
        let values: Vec<(String, Value)> = values.collect();
        self.sent_back.extend(values.iter().map(|(name, _)| name.clone()));
        SentBack::new(values)
    }

    /// Reads the reason of a PATCH. Adds an error if the PATCH is empty, unless one of its fields is invalid.
    pub fn reason_of_patch(&mut self, is_empty: bool) -> Option<Reason> {
        let lacks_change = is_empty && self.issues.is_empty();
        let reason = self.reason();
        if lacks_change {
            self.error(Issue::new([], "at least one field that can be set is required, besides the reason"));
        }
        reason
    }

    /// Adds an error that concerns several fields.
    pub fn error(&mut self, issue: impl Into<Issue>) {
        if self.members.is_some() {
            self.issues.push(issue.into());
        }
    }

    /// The number of errors found so far.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.issues.len()
    }

    /// Returns all errors, including those about fields that are not declared.
    pub(crate) fn finish(mut self) -> Vec<Issue> {
        let names = self.members.into_iter().flat_map(Map::keys);
        let names = names.filter(|name| !self.sent_back.contains(name));
        let unknown: Vec<&String> =
            names.filter(|name| !self.declared.iter().any(|field| field.name == **name)).collect();
        for (index, name) in unknown.iter().take(MAX_UNKNOWN_REPORTED).enumerate() {
            // The allowed fields are listed once, because the list is many times longer than a name.
            let message = if index == 0 && self.lists_fields {
                let allowed = self.declared.iter().map(|field| &*field.name).collect::<Vec<_>>().join(", ");
                Cow::Owned(format!("unknown field; {ALLOWED_FIELDS}: {allowed}"))
            } else {
                Cow::Borrowed("unknown field")
            };
            self.issues.push(Issue::new([name.as_str()], message));
        }
        if let Some(more) = unknown.len().checked_sub(MAX_UNKNOWN_REPORTED).filter(|more| *more > 0) {
            self.issues.push(Issue::new([], format!("{more} more unknown fields are not listed")));
        }
        self.issues
    }
}

/// Decodes a whole body with `read`, which may return `None` only if it has added an error.
pub(crate) fn read<T>(body: &Value, read: impl FnOnce(&mut BodyReader<'_>) -> Option<T>) -> Result<T, Problem> {
    read_object(body, true, read).map_err(Problem::validation)
}

/// A decoder of the items of a list, each by itself. It bounds the errors that the response lists for all of them.
#[derive(Default)]
pub struct ItemDecoder {
    /// The number of errors that are listed so far.
    listed: usize,
    /// Whether one of them lists the allowed fields.
    has_listed_fields: bool,
}

impl ItemDecoder {
    /// Decodes the next item with `read`, which may return `None` only if it has added an error.
    ///
    /// # Errors
    /// The errors of the item, as far as the response still lists them.
    pub fn read<T>(&mut self, item: &Value, read: impl FnOnce(&mut BodyReader<'_>) -> Option<T>) -> Result<T, Problem> {
        read_object(item, !self.has_listed_fields, read).map_err(|issues| {
            let max = MAX_ISSUES - self.listed;
            self.listed += issues.len().min(max);
            self.has_listed_fields |= issues.iter().any(|issue| issue.message.contains(ALLOWED_FIELDS));
            Problem::validation_listing(issues, max)
        })
    }
}

/// Decodes an object anywhere in a body with `read`, and returns the errors as issues. One about an unknown field lists
/// the allowed ones if `lists_fields` is true.
fn read_object<T>(
    body: &Value,
    lists_fields: bool,
    read: impl FnOnce(&mut BodyReader<'_>) -> Option<T>,
) -> Result<T, Vec<Issue>> {
    let Value::Object(members) = body else {
        return Err(vec![Issue::new([], "a JSON object is required")]);
    };
    let mut object = BodyReader { lists_fields, ..BodyReader::new(members) };
    let output = read(&mut object);
    let issues = object.finish();
    match output {
        Some(output) if issues.is_empty() => Ok(output),
        _ => Err(issues),
    }
}

/// Returns the schema of the same values or null.
fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
    if let Some(Value::Array(alternatives)) = schema.get_mut("anyOf") {
        alternatives.push(json!({ "type": "null" }));
    }
    schema
}
