//! The character between the cells of a row.

use std::fmt;

/// The character between the cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiter(u8);

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

/// The delimiters that are looked for in a header.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];

impl Delimiter {
    /// A comma.
    pub const COMMA: Self = Self(b',');

    /// A semicolon.
    pub const SEMICOLON: Self = Self(b';');

    /// The delimiter with this name, or this character.
    ///
    /// # Errors
    /// If the text is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "comma" => Ok(Self(b',')),
            "semicolon" => Ok(Self(b';')),
            "tab" | "\\t" => Ok(Self(b'\t')),
            "pipe" => Ok(Self(b'|')),
            _ => match text.as_bytes() {
                [byte]
                    if byte.is_ascii()
                        && !byte.is_ascii_alphanumeric()
                        && !matches!(byte, b'"' | b'\r' | b'\n' | 0) =>
                {
                    Ok(Self(*byte))
                }
                _ => Err("must be comma, semicolon, tab, pipe, or one punctuation character".to_owned()),
            },
        }
    }

    /// The one that is most frequent in the first line, outside quotes.
    pub(super) fn detect(text: &str) -> Self {
        let mut counts = [0; CANDIDATES.len()];
        let mut is_quoted = false;
        for byte in text.bytes() {
            match byte {
                b'"' => is_quoted = !is_quoted,
                b'\r' | b'\n' if !is_quoted => break,
                _ if is_quoted => {}
                _ => {
                    if let Some(index) = CANDIDATES.iter().position(|candidate| *candidate == byte) {
                        counts[index] += 1;
                    }
                }
            }
        }
        let most = counts.iter().copied().max().unwrap_or_default();
        let index = counts.iter().position(|count| *count == most).unwrap_or_default();
        Self(CANDIDATES.get(index).copied().unwrap_or(b','))
    }

    /// The one of a line `sep=;`, with which spreadsheets are told the delimiter, and the length of the line.
    pub(super) fn from_hint(text: &str) -> Option<(Self, usize)> {
        let rest = text.strip_prefix("sep=")?;
        let delimiter = rest.bytes().next().filter(u8::is_ascii)?;
        let end = rest.get(1..)?;
        let length = if end.starts_with("\r\n") { 2 } else { usize::from(end.starts_with(['\r', '\n'])) };
        (length > 0).then_some((Self(delimiter), "sep=".len() + 1 + length))
    }

    pub(super) const fn byte(self) -> u8 {
        self.0
    }

    /// Whether the delimiter is that of regions in which numbers have a decimal comma.
    pub(super) const fn is_for_decimal_commas(self) -> bool {
        self.0 == b';'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_that_is_most_frequent_in_the_header_outside_quotes() {
        for (header, expected) in [
            ("a,b,c\n1;2;3;4;5", b','),
            ("a;b\n1,2,3,4", b';'),
            ("\"a,b,c\";d\r\n", b';'),
            ("a\tb\tc,d", b'\t'),
            ("a|b", b'|'),
            ("a", b','),
            ("", b','),
        ] {
            assert_eq!(Delimiter::detect(header).byte(), expected, "{header:?}");
        }
        assert_eq!(Delimiter::from_hint("sep=;\r\na;b"), Some((Delimiter(b';'), 7)));
        assert_eq!(Delimiter::from_hint("sep=;a\n"), None);
        assert_eq!(Delimiter::from_hint("sep"), None);
    }

    #[test]
    fn a_delimiter_is_a_name_or_a_punctuation_character() {
        for (text, expected) in [("comma", b','), ("tab", b'\t'), ("\t", b'\t'), (";", b';'), ("^", b'^')] {
            assert_eq!(Delimiter::parse(text).map(Delimiter::byte), Ok(expected), "{text:?}");
        }
        for text in ["", "ab", "a", "\"", "\n", "ä"] {
            assert!(Delimiter::parse(text).is_err(), "{text:?}");
        }
    }
}
