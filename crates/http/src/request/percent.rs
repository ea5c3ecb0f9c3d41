//! The percent-encoding of query parameters and file names, read strictly: a text that is not encoded correctly is an error, because the
//! value that the client meant is unknown.

use std::borrow::Cow;

const MALFORMED: &str = "has a % that is not followed by two hexadecimal digits: a URL must contain % as %25, and every other character encoded";
const NOT_UTF8: &str = "is not valid UTF-8";

/// Returns the text that a name or a value of a query stands for. A `+` stands for a blank.
///
/// # Errors
/// A message fit for an API response if the encoding is malformed, or the text is not UTF-8.
pub(super) fn decode(raw: &str) -> Result<Cow<'_, str>, &'static str> {
    if !raw.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = rest else { return Err(MALFORMED) };
                rest = after;
                digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low).ok_or(MALFORMED)?
            }
            other => *other,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| NOT_UTF8)
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_text_is_decoded_and_a_plus_is_a_blank() {
        for (raw, text) in [
            ("", ""),
            ("plain,text", "plain,text"),
            ("a%2Cb", "a,b"),
            ("a%2cb%25", "a,b%"),
            ("a+b%20c%2B", "a b c+"),
            ("%F0%9F%94%93", "🔓"),
            ("%00%ef%bf%bd", "\0\u{fffd}"),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(text), "{raw}");
        }
    }

    #[test]
    fn a_percent_sign_without_two_hexadecimal_digits_is_refused() {
        for raw in ["%", "a%", "%2", "%2g", "%g2", "100%25%", "%%25", "%+1", "%-1", "% 2", "%é"] {
            assert_eq!(decode(raw), Err(MALFORMED), "{raw}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused() {
        for raw in ["%ff", "a%c3", "%ed%a0%80", "%c3+%a9"] {
            assert_eq!(decode(raw), Err(NOT_UTF8), "{raw}");
        }
    }
}
