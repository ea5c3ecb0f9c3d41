//! Where in a file something stands, and what could not be read there.

use std::fmt;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What was read, with the place it begins at.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub record: T,
}

/// A part of a file that can't be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where it is.
    pub place: Place,
    /// The key it has or would have had, as far as that can be told.
    pub key: Option<String>,
    /// What is wrong, in words that name the member of the file.
    pub message: String,
}

/// A file that can't be read as what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not text.
    #[error("not UTF-8 at {0}")]
    NotText(Place),
    /// It ends in the middle.
    #[error("the file ends in the middle, at {0}")]
    Truncated(Place),
    /// It is not JSON.
    #[error("not JSON at {place}: {message}")]
    NotJson {
        /// Where it stops being JSON.
        place: Place,
        /// What is wrong there.
        message: String,
    },
    /// It is JSON, but not of the format.
    #[error("not {format} at {place}: {message}")]
    OtherFormat {
        /// What it should be.
        format: &'static str,
        /// Where it stops being that.
        place: Place,
        /// What is wrong there.
        message: String,
    },
}

impl Unreadable {
    /// What `error`, found while reading the whole of a file, says about it.
    pub(crate) fn of(format: &'static str, path: &str, error: &serde_json::Error) -> Self {
        let place = Place { line: error.line(), column: error.column().max(1) };
        let message = said(error);
        match error.classify() {
            serde_json::error::Category::Eof => Self::Truncated(place),
            serde_json::error::Category::Syntax => Self::NotJson { place, message },
            _ if matches!(path, "" | ".") => Self::OtherFormat { format, place, message },
            _ => Self::OtherFormat { format, place, message: format!("{path}: {message}") },
        }
    }
}

/// What the error says, without the place that `serde_json` puts at its end.
pub(crate) fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or_else(|| text.clone(), str::to_owned)
}

/// The text of a file, without the mark that some systems put before it.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(Unreadable::NotText(place_after(valid)))
        }
    }
}

fn place_after(bytes: &[u8]) -> Place {
    let line_start = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    Place { line: 1 + newlines(bytes), column: 1 + bytes.len() - line_start }
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Tells the places of parts of one text that are asked for in the order they stand in it.
pub(crate) struct Places<'a> {
    text: &'a str,
    offset: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Places<'a> {
    pub(crate) const fn of(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1, line_start: 0 }
    }

    /// Where `part` begins, which must be a part of the text.
    pub(crate) fn of_part(&mut self, part: &str) -> Place {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr()).min(self.text.len());
        if offset < self.offset {
            *self = Self::of(self.text);
        }
        let passed = self.text.as_bytes().get(self.offset..offset).unwrap_or_default();
        if let Some(newline) = passed.iter().rposition(|byte| *byte == b'\n') {
            self.line += newlines(passed);
            self.line_start = self.offset + newline + 1;
        }
        self.offset = offset;
        Place { line: self.line, column: 1 + offset - self.line_start }
    }
}

impl Place {
    /// The place an error names that was found in a part of the file which begins here.
    pub(crate) fn within(self, error: &serde_json::Error) -> Self {
        match error.line() {
            0 => self,
            1 => Self { line: self.line, column: self.column + error.column().saturating_sub(1) },
            line => Self { line: self.line + line - 1, column: error.column() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_text_have_the_line_and_column_they_begin_at() {
        let text = "one\ntwo three\n\nfour";
        let mut places = Places::of(text);
        let at = |part: &str| text.find(part).map(|offset| &text[offset..]).unwrap();
        assert_eq!(places.of_part(at("one")), Place { line: 1, column: 1 });
        assert_eq!(places.of_part(at("three")), Place { line: 2, column: 5 });
        assert_eq!(places.of_part(at("four")), Place { line: 4, column: 1 });
        assert_eq!(places.of_part(at("two")), Place { line: 2, column: 1 }, "asked for out of order");
    }

    #[test]
    fn a_byte_that_is_no_text_is_named_by_its_place() {
        let refused = text(b"one\ntw\xffo").unwrap_err();
        assert_eq!(refused, Unreadable::NotText(Place { line: 2, column: 3 }));
        assert_eq!(refused.to_string(), "not UTF-8 at line 2, column 3");
    }
}
