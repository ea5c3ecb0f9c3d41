//! Decoding of a file: UTF-8 with or without a byte order mark, and UTF-16 with one.

use std::borrow::Cow;

use crate::repairs::Repairs;

const NONCHARACTER: char = '\u{ffff}';

const NUMBERS_THAT_JSON_LACKS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Whether the file begins as a text of ASCII characters in UTF-16 does, without a byte order mark.
pub(crate) fn is_utf16_without_mark(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..])
}

/// Decodes the file. Bytes that are no text become U+FFFD, as do U+FFFF, which is no character, and halves of surrogate
/// pairs in the escapes of JSON. Numbers that JSON does not have, such as `NaN`, become `null`. Each is a repair.
pub(crate) fn decode<'a>(bytes: &'a [u8], repairs: &Repairs) -> Cow<'a, str> {
    let text = match bytes {
        [0xff, 0xfe, units @ ..] => Cow::Owned(decode_utf16(units, u16::from_le_bytes, repairs)),
        [0xfe, 0xff, units @ ..] => Cow::Owned(decode_utf16(units, u16::from_be_bytes, repairs)),
        [0xef, 0xbb, 0xbf, text @ ..] => decode_utf8(text, repairs),
        text => decode_utf8(text, repairs),
    };
    let steps = [replace_noncharacters, replace_unpaired_escapes, replace_numbers_that_json_lacks];
    steps.into_iter().fold(text, |text, replace| replace(&text, repairs).map_or(text, Cow::Owned))
}

/// Replaces U+FFFF, which the API refuses, by U+FFFD, which has the same length.
fn replace_noncharacters(text: &str, repairs: &Repairs) -> Option<String> {
    for _ in text.matches(NONCHARACTER) {
        repairs.add_to_file(|| "U+FFFF is no character; U+FFFD is used instead".to_owned());
    }
    text.contains(NONCHARACTER).then(|| text.replace(NONCHARACTER, "\u{fffd}"))
}

/// Replaces the numbers that some tools write although JSON does not have them. Those that are longer than `null` keep
/// their length, so that positions stay.
fn replace_numbers_that_json_lacks(text: &str, repairs: &Repairs) -> Option<String> {
    if !NUMBERS_THAT_JSON_LACKS.iter().any(|number| text.contains(number)) {
        return None;
    }
    let mut replaced = String::with_capacity(text.len());
    let mut remaining = text;
    while !remaining.is_empty() {
        if let Some(number) = NUMBERS_THAT_JSON_LACKS.iter().find(|number| remaining.starts_with(**number)) {
            repairs.add_to_file(|| format!("{number} is no number of JSON; null is used instead"));
            replaced.push_str(&format!("{:length$}", "null", length = number.len()));
            remaining = &remaining[number.len()..];
            continue;
        }
        let length = match remaining.as_bytes() {
            [b'"', rest @ ..] => 1 + string_length(rest),
            bytes => bytes.iter().skip(1).position(|byte| b"\"NI-".contains(byte)).map_or(bytes.len(), |at| 1 + at),
        };
        // Each of these bytes is a character of its own, so that the length ends at the boundary of one.
        let (kept, rest) = remaining.split_at(length);
        replaced.push_str(kept);
        remaining = rest;
    }
    (replaced != text).then_some(replaced)
}

/// The length of a string after its first quotation mark, with its last one if it has one.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = !escaped && *byte == b'"';
        escaped = !escaped && *byte == b'\\';
        ends
    });
    end.map_or(text.len(), |at| 1 + at)
}

fn decode_utf8<'a>(bytes: &'a [u8], repairs: &Repairs) -> Cow<'a, str> {
    for chunk in bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()) {
        repairs.add_to_file(|| format!("the bytes {} are not UTF-8; U+FFFD is used instead", hex(chunk.invalid())));
    }
    String::from_utf8_lossy(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, repairs: &Repairs) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        text.push(decoded.unwrap_or_else(|error| {
            let half = error.unpaired_surrogate();
            repairs.add_to_file(|| format!("{half:04X} is half of a UTF-16 surrogate pair; U+FFFD is used instead"));
            char::REPLACEMENT_CHARACTER
        }));
    }
    if !rest.is_empty() {
        repairs.add_to_file(|| "the last byte is half of a UTF-16 unit; U+FFFD is used instead".to_owned());
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Replaces each escape of half a surrogate pair or of U+FFFF by that of U+FFFD, which has the same length, so that
/// positions stay. Returns `None` if there is none.
fn replace_unpaired_escapes(text: &str, repairs: &Repairs) -> Option<String> {
    let bytes = text.as_bytes();
    let mut replaced: Option<String> = None;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        let Some(unit) = escaped_unit(bytes, at) else {
            // Another escape, of which the second byte may be a backslash.
            at += 2;
            if !text.is_char_boundary(at) {
                at -= 1;
            }
            continue;
        };
        let is_pair = (0xd800..0xdc00).contains(&unit)
            && escaped_unit(bytes, at + 6).is_some_and(|second| (0xdc00..0xe000).contains(&second));
        if is_pair {
            at += 12;
            continue;
        }
        if (0xd800..0xe000).contains(&unit) || unit == 0xffff {
            let fault = if unit == 0xffff { "no character" } else { "half of a surrogate pair" };
            repairs.add_to_file(|| format!("\\u{unit:04x} is {fault}; U+FFFD is used instead"));
            replaced.get_or_insert_with(|| text.to_owned()).replace_range(at..at + 6, "\\ufffd");
        }
        at += 6;
    }
    replaced
}

/// The UTF-16 unit of the escape `\uXXXX` at this index.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, usize) {
        let repairs = Repairs::default();
        let text = decode(bytes, &repairs).into_owned();
        (text, repairs.count())
    }

    #[test]
    fn utf_8_and_utf_16_are_read_and_the_byte_order_mark_is_no_text() {
        assert_eq!(decoded("größe".as_bytes()), ("größe".to_owned(), 0));
        assert_eq!(decoded("\u{feff}größe".as_bytes()), ("größe".to_owned(), 0));
        for (mark, bytes) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)]
        {
            let units: Vec<u8> = "größe 🔓".encode_utf16().flat_map(bytes).collect();
            assert_eq!(decoded(&[&mark[..], &units].concat()), ("größe 🔓".to_owned(), 0));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_counted() {
        assert_eq!(decoded(b"caf\xe9, \xff"), ("caf\u{fffd}, \u{fffd}".to_owned(), 2));
        assert_eq!(decoded(b"\xff\xfea\0\x3d\xd8b\0c"), ("a\u{fffd}b\u{fffd}".to_owned(), 2));
    }

    #[test]
    fn escapes_of_half_a_surrogate_pair_are_replaced_and_whole_pairs_and_escaped_backslashes_stay() {
        assert_eq!(decoded(br#""\ud83d\ude00 \\ud83d \n""#), (r#""\ud83d\ude00 \\ud83d \n""#.to_owned(), 0));
        assert_eq!(decoded(br#""\ud83d \uDE00""#), (r#""\ufffd \ufffd""#.to_owned(), 2));
        assert_eq!(decoded(br#""\ud83d\ud83d\ude00""#), (r#""\ufffd\ud83d\ude00""#.to_owned(), 1));
        assert_eq!(decoded(br#""\uffff \uFFFF""#), (r#""\ufffd \ufffd""#.to_owned(), 2));
        assert_eq!(decoded("\\é \\".as_bytes()), ("\\é \\".to_owned(), 0));
    }

    #[test]
    fn what_is_no_character_is_replaced_and_counted() {
        assert_eq!(decoded("\"a\u{ffff}b\u{ffff}\"".as_bytes()), ("\"a\u{fffd}b\u{fffd}\"".to_owned(), 2));
    }

    #[test]
    fn numbers_that_json_does_not_have_are_replaced_by_null_outside_of_strings() {
        let text = r#"{"NaN": [NaN, Infinity, -Infinity, -1], "é\" -Infinity": "NaN"}"#;
        let expected = r#"{"NaN": [null, null    , null     , -1], "é\" -Infinity": "NaN"}"#;
        assert_eq!(decoded(text.as_bytes()), (expected.to_owned(), 3));
        for text in ["NaN", "[\"NaN", "\"\\", "-", "INaNo"] {
            decoded(text.as_bytes());
        }
    }
}
