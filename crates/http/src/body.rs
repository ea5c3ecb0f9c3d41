//! Decoding of request bodies. All errors are reported at once, and the same declarations produce the JSON Schema of
//! the OpenAPI document.

use std::{collections::BTreeSet, time::Duration};

use kernel::{HasIdPrefix, Id, MalformedId, Reason, Text, Timestamp};
use serde_json::{Map, Value, json};
use webhooks::{AddressPolicy, EndpointUrl};

use crate::problem::{Issue, Problem};

/// A decoder of one field of a request body, with the JSON Schema of the values it accepts.
pub(crate) trait Reading {
    type Output;
    fn read(&self, value: &Value) -> Result<Self::Output, String>;
    fn schema(&self) -> Value;
}

/// A reader of a JSON object. It records the fields it is asked for while it decodes them; run by
/// [`BodyReader::describe`], which passes no object, it yields the schema instead.
pub(crate) struct Object<'a> {
    members: Option<&'a Map<String, Value>>,
    asked: Vec<Asked>,
    issues: Vec<Issue>,
}

/// How many unknown names of one object or query are reported, so that the response can't be many times larger than the
/// request.
pub(crate) const MOST_UNKNOWN: usize = 20;

/// A field that the code has asked for.
struct Asked {
    name: &'static str,
    required: bool,
    nullable: bool,
    schema: Value,
}

/// A field of a PATCH: absent, null or a value.
pub(crate) use findings::Patch;

impl<'a> Object<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members: Some(members), asked: Vec::with_capacity(20), issues: Vec::new() }
    }

    /// Returns the JSON Schema of the objects that `read` accepts.
    pub(crate) fn describe<T>(read: impl FnOnce(&mut Object<'_>) -> T) -> Value {
        let mut object = Object { members: None, asked: Vec::new(), issues: Vec::new() };
        read(&mut object);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in object.asked {
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

    fn take<R: Reading>(
        &mut self,
        name: &'static str,
        reader: &R,
        required: bool,
        nullable: bool,
    ) -> Option<&'a Value> {
        let Some(members) = self.members else {
            self.asked.push(Asked { name, required, nullable, schema: reader.schema() });
            return None;
        };
        self.asked.push(Asked { name, required, nullable, schema: Value::Null });
        let value = members.get(name);
        if required && value.is_none_or(Value::is_null) {
            self.issues.push(Issue::new([name], "is required"));
            return None;
        }
        value
    }

    fn read<R: Reading>(&mut self, name: &'static str, reader: &R, value: &Value) -> Option<R::Output> {
        reader.read(value).map_err(|message| self.issues.push(Issue::new([name], message))).ok()
    }

    /// Reads a required field.
    pub(crate) fn required<R: Reading>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, true, false)?;
        self.read(name, &reader, value)
    }

    /// Reads a field that may be absent or null.
    pub(crate) fn optional<R: Reading>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, false, true)?;
        if value.is_null() { None } else { self.read(name, &reader, value) }
    }

    /// Reads a field of a PATCH that may be absent but not null.
    pub(crate) fn changed<R: Reading>(&mut self, name: &'static str, reader: R) -> Option<R::Output> {
        let value = self.take(name, &reader, false, false)?;
        if value.is_null() {
            self.issues.push(Issue::new([name], "can't be null"));
            return None;
        }
        self.read(name, &reader, value)
    }

    /// Reads a field of a PATCH that may be absent, or null to clear the value.
    pub(crate) fn set<R: Reading>(&mut self, name: &'static str, reader: R) -> Patch<R::Output> {
        match self.take(name, &reader, false, true) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => self.read(name, &reader, value).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// Reads the reason that every write must give.
    pub(crate) fn reason(&mut self) -> Option<Reason> {
        self.required("reason", text())
    }

    /// Adds an error that concerns several fields.
    pub(crate) fn fault(&mut self, issue: impl Into<Issue>) {
        if self.members.is_some() {
            self.issues.push(issue.into());
        }
    }

    /// The number of errors found so far.
    pub(crate) fn faults(&self) -> usize {
        self.issues.len()
    }

    /// Returns all errors, including those about fields that are not declared.
    pub(crate) fn finish(mut self) -> Vec<Issue> {
        let names = self.members.into_iter().flat_map(Map::keys);
        let unknown: Vec<&String> = names.filter(|name| !self.asked.iter().any(|field| field.name == *name)).collect();
        let allowed = self.asked.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        for name in unknown.iter().take(MOST_UNKNOWN) {
            self.issues.push(Issue::new([name.as_str()], format!("unknown field; the allowed fields are: {allowed}")));
        }
        if let Some(more) = unknown.len().checked_sub(MOST_UNKNOWN).filter(|more| *more > 0) {
            self.issues.push(Issue::new([], format!("{more} more unknown fields are not listed")));
        }
        self.issues
    }
}

/// Decodes a whole body with `read`, which may return `None` only if it has added an error.
pub(crate) fn read<T>(body: &Value, read: impl FnOnce(&mut Object<'_>) -> Option<T>) -> Result<T, Problem> {
    read_object(body, read).map_err(Problem::validation)
}

/// Decodes an object anywhere in a body, like [`read`], and returns the errors as issues.
pub(crate) fn read_object<T>(body: &Value, read: impl FnOnce(&mut Object<'_>) -> Option<T>) -> Result<T, Vec<Issue>> {
    let Value::Object(members) = body else {
        return Err(vec![Issue::new([], "a JSON object is required")]);
    };
    let mut object = Object::new(members);
    let output = read(&mut object);
    let issues = object.finish();
    match output {
        Some(output) if issues.is_empty() => Ok(output),
        _ => Err(issues),
    }
}

/// The reader that [`text`] returns.
pub(crate) struct TextReading<R>(std::marker::PhantomData<fn() -> R>);

/// Returns a reader of a text that must satisfy the rule of its type.
pub(crate) fn text<R>() -> TextReading<R> {
    TextReading(std::marker::PhantomData)
}

impl<R: kernel::Rule> Reading for TextReading<R> {
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
pub(crate) struct WordReading<T: 'static> {
    all: &'static [T],
    name: fn(T) -> &'static str,
}

/// Returns a reader of one of the values of an enum, which it finds by name.
pub(crate) fn word<T: Copy>(all: &'static [T], name: fn(T) -> &'static str) -> WordReading<T> {
    WordReading { all, name }
}

impl<T: Copy> WordReading<T> {
    /// Returns the enum value with this name.
    pub(crate) fn find(&self, text: &str) -> Result<T, String> {
        self.all.iter().copied().find(|item| (self.name)(*item) == text).ok_or_else(|| {
            let names = self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>().join(", ");
            format!("must be one of: {names}")
        })
    }
}

impl<T: Copy> Reading for WordReading<T> {
    type Output = T;

    fn read(&self, value: &Value) -> Result<T, String> {
        value.as_str().ok_or_else(|| "must be a string".to_owned()).and_then(|text| self.find(text))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>() })
    }
}

/// A reader of an RFC 3339 timestamp.
pub(crate) struct Moment;

impl Reading for Moment {
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
pub(crate) struct IdReading<R>(std::marker::PhantomData<fn() -> R>);

/// Returns a reader of an identifier with the prefix of `R`.
pub(crate) fn id<R>() -> IdReading<R> {
    IdReading(std::marker::PhantomData)
}

impl<R: HasIdPrefix> Reading for IdReading<R> {
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
pub(crate) struct Words<T: 'static>(pub(crate) WordReading<T>);

/// The maximum number of items in a list of enum values.
const MOST_WORDS: usize = 100;

impl<T: Copy + Ord> Reading for Words<T> {
    type Output = BTreeSet<T>;

    fn read(&self, value: &Value) -> Result<BTreeSet<T>, String> {
        match value {
            Value::Array(names) if names.is_empty() => Err("must contain at least one item".to_owned()),
            Value::Array(names) if names.len() > MOST_WORDS => Err(format!("must contain at most {MOST_WORDS} items")),
            Value::Array(names) => names.iter().map(|name| self.0.read(name)).collect(),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": MOST_WORDS, "items": self.0.schema() })
    }
}

/// A reader of an endpoint URL, which must be allowed by the address policy.
pub(crate) struct Endpoint<'a>(pub(crate) &'a AddressPolicy);

impl Reading for Endpoint<'_> {
    type Output = EndpointUrl;

    fn read(&self, value: &Value) -> Result<EndpointUrl, String> {
        let text = value.as_str().ok_or("must be a string")?;
        EndpointUrl::parse(text, self.0).map_err(|error| error.to_string())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "maxLength": 2048, "description": "An `https` URL whose host is reachable from the public internet." })
    }
}

/// A reader of a duration in whole seconds.
pub(crate) struct Seconds {
    pub(crate) most: u64,
    pub(crate) usual: u64,
}

impl Reading for Seconds {
    type Output = Duration;

    fn read(&self, value: &Value) -> Result<Duration, String> {
        let seconds = value.as_u64().filter(|seconds| *seconds <= self.most);
        seconds
            .map(Duration::from_secs)
            .ok_or_else(|| format!("must be a whole number of seconds from 0 to {}", self.most))
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": self.most, "default": self.usual })
    }
}

/// A reader of a list of objects. Each item is decoded separately, so that an invalid item does not affect the others.
pub(crate) struct Items {
    pub(crate) most: usize,
    pub(crate) schema: fn() -> Value,
}

impl Reading for Items {
    type Output = Vec<Value>;

    fn read(&self, value: &Value) -> Result<Vec<Value>, String> {
        match value {
            Value::Array(items) if items.is_empty() => Err("must contain at least one item".to_owned()),
            Value::Array(items) if items.len() > self.most => Err(format!("must contain at most {} items", self.most)),
            Value::Array(items) => Ok(items.clone()),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": self.most, "items": (self.schema)() })
    }
}
