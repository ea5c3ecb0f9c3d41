//! A JSON reader that differs from `serde_json` in two respects: it rejects objects with duplicate members, because it
//! is unknown which of the two values was meant, and half of a surrogate pair does not make the whole document invalid.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::encoding::body_text;

/// The character that stands for half of a surrogate pair in a value that was read: a noncharacter, which no text may
/// contain. The reader of the field reports it.
pub(super) const HALF_SURROGATE: char = '\u{ffff}';

/// The maximum number of characters of a duplicate name in the error message.
const MAX_REPORTED_CHARS: usize = 60;

/// Parses one JSON document.
///
/// # Errors
/// A message for the response, with the position: the body is not UTF-8 or not JSON, or a member occurs twice.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = body_text(bytes)?;
    let parsed = serde_json::from_str(text).or_else(|error| match replace_half_surrogates(text) {
        Some(replaced) => serde_json::from_str(&replaced),
        None => Err(error),
    });
    match parsed {
        Ok(UniqueMembers(value)) => Ok(value),
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(error) => Err(format!("the body is not JSON: {error}")),
    }
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
    fn half_of_a_surrogate_pair_is_read_as_a_noncharacter_wherever_it_is() {
        for (text, wanted) in [
            (r#""\ud800""#, "\u{ffff}"),
            (r#""a\uDC00b""#, "a\u{ffff}b"),
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d\ud83d\ude00""#, "\u{ffff}😀"),
            (r#""\ude00\ud83d""#, "\u{ffff}\u{ffff}"),
            (r#""\\ud800\ud800\n""#, "\\ud800\u{ffff}\n"),
            (r#""\ud83d\u0041é\ud83d""#, "\u{ffff}Aé\u{ffff}"),
        ] {
            assert_eq!(read(text.as_bytes()), Ok(Value::from(wanted)), "{text}");
        }
        for text in [r#""\ud83d\u""#, r#""\ud83d"#, r#""\ud8é""#, r#""\ud800"}"#, r#"\ud800"#, r#""\ud800\"#] {
            assert!(read(text.as_bytes()).unwrap_err().starts_with("the body is not JSON"), "{text}");
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
