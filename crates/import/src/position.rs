//! Positions in files, and the errors that are found there.

use std::fmt;

/// A position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePosition {
    /// The line number, from 1.
    pub line: usize,
    /// The byte within the line, from 1.
    pub column: usize,
}

impl fmt::Display for SourcePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A record with its position in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The position of its first byte.
    pub position: SourcePosition,
    /// The record.
    pub record: T,
}

/// An error of a part of a file, which is not imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFailure {
    /// The position of the error.
    pub position: SourcePosition,
    /// The key of the record, if it could be determined.
    pub key: Option<String>,
    /// The description of the error, with the path in the file.
    pub message: String,
}

/// The error of a file that does not have the expected format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is truncated.
    #[error("the file is truncated: it ends in the middle of a value at {0}")]
    Truncated(SourcePosition),
    /// The file is in an encoding other than UTF-8.
    #[error(
        "the file is not in UTF-8 but in UTF-16 or UTF-32; convert it, for example with `iconv -f UTF-16 -t UTF-8`"
    )]
    OtherEncoding,
    /// The file is longer than files of its format may be.
    #[error(
        "the file has more than {limit} bytes, which is the most that is read: divide it, or leave out parts that no record holds"
    )]
    TooLong {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// The file is not JSON.
    #[error("not JSON at {position}: {message}")]
    NotJson {
        /// The position of the syntax error.
        position: SourcePosition,
        /// The description of the error.
        message: String,
    },
    /// The file is JSON, but not of the expected format.
    #[error("not {format} at {position}: {message}")]
    OtherFormat {
        /// The expected format.
        format: &'static str,
        /// The position of the first deviation.
        position: SourcePosition,
        /// The description of the error.
        message: String,
    },
}

impl Unreadable {
    /// Converts an error from parsing a whole file.
    pub(crate) fn from_json_error(format: &'static str, path: &str, error: &serde_json::Error) -> Self {
        let position = SourcePosition { line: error.line(), column: error.column().max(1) };
        let message = message_of(error);
        match error.classify() {
            serde_json::error::Category::Eof => Self::Truncated(position),
            serde_json::error::Category::Syntax => Self::NotJson { position, message },
            _ if matches!(path, "" | ".") => Self::OtherFormat { format, position, message },
            _ => Self::OtherFormat { format, position, message: format!("{path}: {message}") },
        }
    }
}

/// Returns the message of the error without the position that `serde_json` appends.
pub(crate) fn message_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).map_or_else(|| text.clone(), str::to_owned)
}

/// The distance in bytes between the offsets whose lines are noted.
const BLOCK_LENGTH: usize = 512;

/// Computes the positions of parts of one text, in any order.
pub(crate) struct LineIndex<'a> {
    text: &'a str,
    /// The number of the line and the offset at which it begins, at the start of each block.
    blocks: Vec<(usize, usize)>,
}

impl<'a> LineIndex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut blocks = Vec::with_capacity(1 + text.len() / BLOCK_LENGTH);
        let mut line = (1, 0);
        for (index, block) in text.as_bytes().chunks(BLOCK_LENGTH).enumerate() {
            blocks.push(line);
            line = line_after(line, block, index * BLOCK_LENGTH);
        }
        blocks.push(line);
        Self { text, blocks }
    }

    /// Returns the position of `part`, which must be a slice of the text.
    pub(crate) fn position_of(&self, part: &str) -> SourcePosition {
        self.position_at(part.as_ptr().addr())
    }

    /// Returns the position of the byte of the text at this address.
    pub(crate) fn position_at(&self, address: usize) -> SourcePosition {
        let offset = address.saturating_sub(self.text.as_ptr().addr()).min(self.text.len());
        let block = offset / BLOCK_LENGTH;
        let start = block * BLOCK_LENGTH;
        let line = self.blocks.get(block).copied().unwrap_or((1, 0));
        let skipped = self.text.as_bytes().get(start..offset).unwrap_or_default();
        let (line, line_start) = line_after(line, skipped, start);
        SourcePosition { line, column: 1 + offset - line_start }
    }
}

/// The line and its offset after the bytes, which begin at `start` in the line before.
fn line_after((line, line_start): (usize, usize), bytes: &[u8], start: usize) -> (usize, usize) {
    let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => (line + newlines, start + last + 1),
        None => (line, line_start),
    }
}

impl SourcePosition {
    /// Returns the position in the file of an error that was found in a part of the file that begins at `self`.
    pub(crate) fn offset_by(self, error: &serde_json::Error) -> Self {
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
    fn the_line_and_column_of_each_part_of_a_text_are_found() {
        let text = "one\ntwo three\n\nfour";
        let index = LineIndex::new(text);
        let at = |part: &str| text.find(part).map(|offset| &text[offset..]).unwrap();
        assert_eq!(index.position_of(at("one")), SourcePosition { line: 1, column: 1 });
        assert_eq!(index.position_of(at("three")), SourcePosition { line: 2, column: 5 });
        assert_eq!(index.position_of(at("four")), SourcePosition { line: 4, column: 1 });
        assert_eq!(index.position_of(at("two")), SourcePosition { line: 2, column: 1 }, "a query out of order");
    }

    #[test]
    fn positions_do_not_depend_on_where_the_blocks_of_a_long_text_end() {
        let text: String = (0..5000).map(|line| format!("{}x\n", "é".repeat(line % 7))).collect();
        let index = LineIndex::new(&text);
        let mut offset = 0;
        for (number, line) in text.lines().enumerate() {
            let column = line.len();
            let expected = SourcePosition { line: number + 1, column };
            assert_eq!(index.position_of(&text[offset + column - 1..]), expected);
            offset += column + 1;
        }
        assert_eq!(index.position_of(&text[text.len()..]), SourcePosition { line: 5001, column: 1 });
    }
}
