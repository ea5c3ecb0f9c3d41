//! The decoders of single fields, each with the JSON Schema of the values that it accepts.

use std::{collections::BTreeSet, time::Duration};

use kernel::{HasIdPrefix, Id, MalformedId, MalformedTimestamp, Text, Timestamp};
use serde_json::{Value, json};

use super::json::HALF_SURROGATE;

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

/// Reads a value as a string. Every reader of a text begins with it.
///
/// # Errors
/// The message for the caller: the value is no string, or contains half of a surrogate pair.
pub fn read_string(value: &Value) -> Result<&str, String> {
    let text = value.as_str().ok_or("must be a string")?;
    if text.contains(HALF_SURROGATE) {
        return Err("contains half of a surrogate pair, such as \\ud83d without \\ude00, or the noncharacter U+FFFF: send whole characters".to_owned());
    }
    Ok(text)
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
        Text::parse(read_string(value)?).map_err(|error| error.to_string())
    }

    fn schema(&self) -> Value {
        text_schema(R::MIN, R::MAX, R::PATTERN, R::DESCRIPTION)
    }
}

/// Returns the JSON Schema of a text that follows a rule.
#[must_use]
pub fn text_schema(min: usize, max: usize, pattern: &str, description: &str) -> Value {
    json!({ "type": "string", "minLength": min, "maxLength": max, "pattern": pattern, "description": description })
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
        self.parse(read_string(value)?)
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>() })
    }
}

/// A reader of a date or an RFC 3339 timestamp.
pub struct TimestampReader;

impl FieldReader for TimestampReader {
    type Output = Timestamp;

    fn read(&self, value: &Value) -> Result<Timestamp, String> {
        Timestamp::parse_date_or_time(read_string(value)?).map_err(|error: MalformedTimestamp| error.to_string())
    }

    fn schema(&self) -> Value {
        timestamp_schema()
    }
}

/// Returns the JSON Schema of a timestamp in a request.
#[must_use]
pub fn timestamp_schema() -> Value {
    json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date" }] })
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
        read_string(value)?.parse().map_err(|error: MalformedId| format!("{error}"))
    }

    fn schema(&self) -> Value {
        id_schema(R::PREFIX)
    }
}

/// Returns the JSON Schema of an identifier with this prefix.
#[must_use]
pub fn id_schema(prefix: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^{prefix}_[0-7][0-9A-HJKMNP-TV-Z]{{25}}$") })
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
