//! Decoding of request bodies. All errors are reported at once, and the same declarations produce the JSON Schema of
//! the OpenAPI document.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use kernel::{HasIdPrefix, Id, MalformedId, Patch, Reason, Text, Timestamp};
use serde_json::{Map, Value, json};

use crate::response::{Issue, MAX_ISSUES, Problem};

/// A decoder of one field of a request body, with the JSON Schema of the values it accepts.
pub trait FieldReader {
    /// The decoded value.
    type Output;

    /// Decodes a value.
    ///
    /// # Errors
    /// The message for the caller, without the name of the field.
    fn read(&self, value: &Value) -> Result<Self::Output, String>;

    /// Returns the JSON Schema of the accepted values.
    fn schema(&self) -> Value;
}

/// A reader of a JSON object. It records the fields that it decodes; run by [`BodyReader::describe`], which passes no
/// object, it yields the schema instead.
pub struct BodyReader<'a> {
    members: Option<&'a Map<String, Value>>,
    declared: Vec<DeclaredField>,
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
    name: &'static str,
    required: bool,
    nullable: bool,
    schema: Value,
}

impl<'a> BodyReader<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members: Some(members), declared: Vec::with_capacity(20), issues: Vec::new(), lists_fields: true }
    }

    /// Returns the JSON Schema of the objects that `read` accepts.
    pub fn describe<T>(read: impl FnOnce(&mut BodyReader<'_>) -> T) -> Value {
        let mut object = BodyReader { members: None, declared: Vec::new(), issues: Vec::new(), lists_fields: true };
        read(&mut object);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in object.declared {
            let mut schema = field.schema;
            if field.nullable
                && let Some(kind) = schema.get("type").cloned()
            {
                schema["type"] = json!([kind, "null"]);
                if let Some(Value::Array(values)) = schema.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
            properties.insert(field.name.to_owned(), schema);
            if field.required {
                required.push(field.name);
            }
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
            self.declared.push(DeclaredField { name, required, nullable, schema: reader.schema() });
            return None;
        };
        self.declared.push(DeclaredField { name, required, nullable, schema: Value::Null });
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
        let unknown: Vec<&String> =
            names.filter(|name| !self.declared.iter().any(|field| field.name == *name)).collect();
        for (index, name) in unknown.iter().take(MAX_UNKNOWN_REPORTED).enumerate() {
            // The allowed fields are listed once, because the list is many times longer than a name.
            let message = if index == 0 && self.lists_fields {
                let allowed = self.declared.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
                Cow::Owned(format!("unknown field; {ALLOWED_FIELDS}: {allowed}"))
            } else {
                Cow::Borrowed("unknown field")
            };
            self.issues.push(Issue::at_unknown([], name, message));
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

/// The reader that [`text`] returns.
pub struct TextReader<R>(std::marker::PhantomData<fn() -> R>);

/// Returns a reader of a text that must satisfy the rule of its type.
pub fn text<R>() -> TextReader<R> {
    TextReader(std::marker::PhantomData)
}

impl<R: kernel::Rule> FieldReader for TextReader<R> {
    type Output = Text<R>;

    fn read(&self, value: &Value) -> Result<Text<R>, String> {
        let text = value.as_str().ok_or("must be a string")?;
        Text::parse(text).map_err(|error| error.to_string())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": R::MIN, "maxLength": R::MAX, "description": R::DESCRIPTION })
    }
}

/// The reader that [`enum_reader`] returns.
pub struct EnumReader<T: 'static> {
    all: &'static [T],
    name: fn(T) -> &'static str,
}

/// Returns a reader of one of the values of an enum, which it finds by name.
pub fn enum_reader<T: Copy>(all: &'static [T], name: fn(T) -> &'static str) -> EnumReader<T> {
    EnumReader { all, name }
}

impl<T: Copy> EnumReader<T> {
    /// Returns the enum value with this name.
    ///
    /// # Errors
    /// A message with all names, if none of them is `text`.
    pub fn parse(&self, text: &str) -> Result<T, String> {
        self.all.iter().copied().find(|item| (self.name)(*item) == text).ok_or_else(|| {
            let names = self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>().join(", ");
            format!("must be one of: {names}")
        })
    }
}

impl<T: Copy> FieldReader for EnumReader<T> {
    type Output = T;

    fn read(&self, value: &Value) -> Result<T, String> {
        value.as_str().ok_or_else(|| "must be a string".to_owned()).and_then(|text| self.parse(text))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>() })
    }
}

/// A reader of an RFC 3339 timestamp.
pub struct TimestampReader;

impl FieldReader for TimestampReader {
    type Output = Timestamp;

    fn read(&self, value: &Value) -> Result<Timestamp, String> {
        let text = value.as_str().ok_or("must be a string")?;
        text.parse().map_err(|_| "must be an RFC 3339 timestamp, such as 2026-05-25T14:08:33.000Z".to_owned())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

/// The reader that [`id`] returns.
pub struct IdReader<R>(std::marker::PhantomData<fn() -> R>);

/// Returns a reader of an identifier with the prefix of `R`.
pub fn id<R>() -> IdReader<R> {
    IdReader(std::marker::PhantomData)
}

impl<R: HasIdPrefix> FieldReader for IdReader<R> {
    type Output = Id<R>;

    fn read(&self, value: &Value) -> Result<Id<R>, String> {
        let text = value.as_str().ok_or("must be a string")?;
        text.parse().map_err(|error: MalformedId| format!("{error}"))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": format!("^{}_[0-9A-HJKMNP-TV-Z]{{26}}$", R::PREFIX) })
    }
}

/// A reader of a set of enum values. Duplicates are ignored.
pub struct EnumSetReader<T: 'static>(pub EnumReader<T>);

/// The maximum number of items in a list of enum values.
const MAX_ENUM_VALUES: usize = 100;

impl<T: Copy + Ord> FieldReader for EnumSetReader<T> {
    type Output = BTreeSet<T>;

    fn read(&self, value: &Value) -> Result<BTreeSet<T>, String> {
        match value {
            Value::Array(names) if names.is_empty() => Err("must contain at least one item".to_owned()),
            Value::Array(names) if names.len() > MAX_ENUM_VALUES => {
                Err(format!("must contain at most {MAX_ENUM_VALUES} items"))
            }
            Value::Array(names) => names.iter().map(|name| self.0.read(name)).collect(),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": MAX_ENUM_VALUES, "items": self.0.schema() })
    }
}

/// A reader of a duration in whole seconds.
pub struct SecondsReader {
    /// The longest duration, in seconds.
    pub max: u64,
    /// The duration that is used without this field, for the schema.
    pub default: u64,
}

impl FieldReader for SecondsReader {
    type Output = Duration;

    fn read(&self, value: &Value) -> Result<Duration, String> {
        let seconds = value.as_u64().filter(|seconds| *seconds <= self.max);
        seconds
            .map(Duration::from_secs)
            .ok_or_else(|| format!("must be a whole number of seconds from 0 to {}", self.max))
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": self.max, "default": self.default })
    }
}

/// A reader of a list of objects. Each item is decoded separately, so that an invalid item does not affect the others.
pub struct ItemsReader {
    /// The maximum number of items.
    pub max: usize,
    /// The JSON Schema of an item.
    pub schema: fn() -> Value,
}

impl FieldReader for ItemsReader {
    type Output = Vec<Value>;

    fn read(&self, value: &Value) -> Result<Vec<Value>, String> {
        match value {
            Value::Array(items) if items.is_empty() => Err("must contain at least one item".to_owned()),
            Value::Array(items) if items.len() > self.max => Err(format!("must contain at most {} items", self.max)),
            Value::Array(items) => Ok(items.clone()),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": self.max, "items": (self.schema)() })
    }
}
