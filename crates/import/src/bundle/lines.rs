//! The lines of a bundle, read one by one in bounded memory.

use std::io::{self, BufRead};

/// The maximum length of a line, in bytes.
pub const MAX_LINE_LENGTH: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A line that is not blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// The bytes of the line without its end.
    Complete(&'a [u8]),
    /// The line is longer than [`MAX_LINE_LENGTH`], and was skipped.
    TooLong,
}

/// The error of lines that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file has another encoding.
    #[error(transparent)]
    Unreadable(#[from] crate::position::Unreadable),
}

/// Reads lines. However long they are, at most one of the maximum length is in memory.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    number: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Creates a reader of the lines of `input`.
    pub const fn new(input: R) -> Self {
        Self { input, number: 0, line: Vec::new() }
    }

    /// Returns the next line that is not blank, with its number in the file from 1.
    ///
    /// # Errors
    /// [`LinesError`] if the input can't be read or is not in UTF-8.
    pub fn next_line(&mut self) -> Result<Option<(usize, Line<'_>)>, LinesError> {
        loop {
            let Some(is_complete) = self.read()? else { return Ok(None) };
            self.number += 1;
            if self.number == 1 {
                self.check_encoding()?;
            }
            if !is_complete {
                return Ok(Some((self.number, Line::TooLong)));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, Line::Complete(&self.line))));
            }
        }
    }

    /// Reads a line, and returns whether it is complete; `None` at the end.
    fn read(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let (mut is_complete, mut is_empty) = (true, true);
        loop {
            let available = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                available => available?,
            };
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            let consumed = part.len() + usize::from(end.is_some());
            let room = MAX_LINE_LENGTH - self.line.len();
            is_complete &= part.len() <= room;
            is_empty &= consumed == 0;
            self.line.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
            self.input.consume(consumed);
            if end.is_some() || consumed == 0 {
                return Ok((!is_empty).then_some(is_complete));
            }
        }
    }

    /// Removes the byte order mark from the first line.
    fn check_encoding(&mut self) -> Result<(), crate::position::Unreadable> {
        let start = self.line.get(..self.line.len().min(4)).unwrap_or_default();
        // JSON begins with ASCII, each byte of which other encodings make two or four bytes of.
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) || start.contains(&0) {
            return Err(crate::position::Unreadable::OtherEncoding);
        }
        if self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(())
    }
}
