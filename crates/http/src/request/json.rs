//! A JSON reader that differs from `serde_json` in one respect: it rejects objects with duplicate members, because it
//! is unknown which of the two values was meant.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// The maximum number of characters of a duplicate name in the error message.
const MAX_REPORTED_CHARS: usize = 60;

/// Parses one JSON document.
///
/// # Errors
/// A message for the response, with the position: the body is not JSON, or a member occurs twice.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(bytes) {
        Ok(UniqueMembers(value)) => Ok(value),
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
}

/// A JSON value without duplicate members.
struct UniqueMembers(Value);

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
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

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(UniqueMembers(item)) = items.next_element()? {
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
            let UniqueMembers(value) = members.next_value()?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_without_duplicates_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"a":1,"b":[true,null,-2,3.5,18446744073709551615,"x\n"],"c":{"a":{}}}"#,
            "[]",
            "\"text\"",
            "1e3",
            "{\"a\":",
            "[1,]",
            "",
        ] {
            let plain = serde_json::from_str::<Value>(text).map_err(|error| format!("the body is not JSON: {error}"));
            assert_eq!(read(text.as_bytes()), plain, "{text}");
        }
    }

    #[test]
    fn a_duplicate_member_at_any_depth_is_reported_with_its_position() {
        let refused = read(br#"{"a":[{"title":"T","title":"U"}]}"#).unwrap_err();
        assert_eq!(refused, "\"title\" is repeated at line 1 column 26");
        let long = format!("{{\"{0}\":1,\"{0}\":2}}", "n".repeat(5000));
        assert!(read(long.as_bytes()).unwrap_err().len() < 120);
    }
}
