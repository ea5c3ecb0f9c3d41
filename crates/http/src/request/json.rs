//! A JSON reader that differs from `serde_json` in three respects: it rejects objects with duplicate members, because it
//! is unknown which of the two values was meant; half of a surrogate pair does not make the whole document invalid; and
//! the memory of the values is bounded, which can be a hundred times that of their text.

mod parsed_size;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::encoding::body_text;
use parsed_size::ParsedSize;

/// The character that stands for half of a surrogate pair in a value that was read: a noncharacter, which no text may
/// contain. The reader of the field reports it.
pub(super) const HALF_SURROGATE: char = '\u{ffff}';

/// The maximum number of characters of a duplicate name in the error message.
const MAX_REPORTED_CHARS: usize = 60;

/// Parses one JSON document.
///
/// # Errors
/// A message for the response, with the position: the body is not UTF-8 or not JSON, a member occurs twice, or the
/// values would take too much memory.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    read_measured(bytes).map(|(value, _)| value)
}

/// Parses one JSON document, and returns it with the bytes of memory that it takes.
///
/// # Errors
/// Those of [`read`].
pub(super) fn read_measured(bytes: &[u8]) -> Result<(Value, usize), String> {
    let text = body_text(bytes)?;
    let parsed = parse(text).or_else(|error| match replace_half_surrogates(text) {
        Some(replaced) if !error.is_data() => parse(&replaced),
        _ => Err(error),
    });
    match parsed {
        Ok(parsed) => Ok(parsed),
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

fn parse(text: &str) -> serde_json::Result<(Value, usize)> {
    let size = ParsedSize::default();
    let mut source = serde_json::Deserializer::from_str(text);
    let value = Parser { size: &size }.deserialize(&mut source)?;
    source.end()?;
    Ok((value, size.bytes()))
}

/// Replaces each escape of half of a surrogate pair by that of [`HALF_SURROGATE`], which has the same length; `None` if
/// there is none.
fn replace_half_surrogates(text: &str) -> Option<String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let mut any = false;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        replaced.push_str(before);
        let length = match code_unit(escape) {
            Some(0xd800..0xdc00) if matches!(escape.get(6..).and_then(code_unit), Some(0xdc00..0xe000)) => 12,
            Some(0xd800..0xe000) => {
                replaced.push_str("\\uffff");
                rest = &escape[6..];
                any = true;
                continue;
            }
            Some(_) => 6,
            // Any other escape has one character; a malformed one is reported by the parser.
            None => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        replaced.push_str(&escape[..length]);
        rest = &escape[length..];
    }
    replaced.push_str(rest);
    any.then_some(replaced)
}

/// The code unit of the escape that the text begins with, such as `\u00e9`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// A parser of a JSON value without duplicate members.
#[derive(Clone, Copy)]
struct Parser<'a> {
    /// The memory of the values that were parsed so far.
    size: &'a ParsedSize,
}

impl<'de> DeserializeSeed<'de> for Parser<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parser<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.size.add_text(value)?;
        Ok(value.into())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.size.add_text(&value)?;
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.size.add_item(read.len())?;
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if read.contains_key(&name) {
                let name: String = name.chars().take(MAX_REPORTED_CHARS).collect();
                return Err(A::Error::custom(format_args!("{name:?} is repeated")));
            }
            self.size.add_member(read.len(), &name)?;
            let value = members.next_value_seed(self)?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}
