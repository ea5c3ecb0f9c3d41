//! The text of a file, decoded piece by piece.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::table::TableError;

/// The size of the buffers, in bytes.
const BUFFER: usize = 64 * 1024;

/// A character encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

impl TextEncoding {
    /// The encoding with this name, as browsers know it: `windows-1252`, `utf-16le`.
    ///
    /// # Errors
    /// If there is none.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Encoding::for_label(name.trim().as_bytes());
        found.map(Self).ok_or_else(|| {
            format!("there is no encoding {name:?}; use one such as utf-8, utf-16le, windows-1252 or iso-8859-2")
        })
    }
}

/// A text that is decoded while it is read.
pub(super) struct DecodedText<R> {
    input: R,
    decoder: Decoder,
    /// Whether the caller has named the encoding.
    is_named: bool,
    raw: Vec<u8>,
    /// The range of the bytes in `raw` that are not decoded yet.
    undecoded: (usize, usize),
    /// The offset in the file of the first byte in `raw`.
    offset: u64,
    text: String,
    position: usize,
    is_at_end: bool,
    /// The number of the line of the next byte.
    line: usize,
    was_return: bool,
}

impl<R: Read> DecodedText<R> {
    /// Creates the text of a file. A byte order mark decides about the encoding.
    pub(super) fn new(mut input: R, encoding: Option<TextEncoding>) -> Result<Self, TableError> {
        let mut raw = vec![0; BUFFER];
        let length = fill(&mut input, &mut raw, 0)?;
        let start = raw.get(..length).unwrap_or_default();
        if start.starts_with(b"PK\x03\x04") {
            return Err(TableError::refused(
                "the file is no CSV but a ZIP archive, such as a workbook: use `novantra import xlsx`",
            ));
        }
        let marked = Encoding::for_bom(start).map(|(encoding, _)| encoding);
        let decoder = marked.or(encoding.map(|named| named.0)).unwrap_or(UTF_8).new_decoder_with_bom_removal();
        let mut text = Self {
            input,
            decoder,
            is_named: encoding.is_some(),
            raw,
            undecoded: (0, length),
            offset: 0,
            text: String::with_capacity(BUFFER * 3),
            position: 0,
            is_at_end: length == 0,
            line: 1,
            was_return: false,
        };
        text.decode()?;
        Ok(text)
    }

    /// The decoded text from the next byte on, as far as it is in memory.
    pub(super) fn available(&self) -> &str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// The number of the line of the next byte.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// The next byte, which is not consumed; `None` at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, TableError> {
        while self.position == self.text.len() {
            if self.is_at_end {
                return Ok(None);
            }
            self.read()?;
        }
        Ok(self.text.as_bytes().get(self.position).copied())
    }

    /// Consumes the next byte; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<u8>, TableError> {
        let byte = self.peek()?;
        self.position += usize::from(byte.is_some());
        match byte {
            Some(b'\r') => self.line += 1,
            Some(b'\n') if !self.was_return => self.line += 1,
            Some(0) => {
                return Err(TableError::refused(format!(
                    "line {} has a NUL character, which no text has: the file is damaged, or in UTF-16 without a byte order \
                     mark (then add --encoding utf-16le)",
                    self.line
                )));
            }
            _ => {}
        }
        self.was_return = byte == Some(b'\r');
        Ok(byte)
    }

    fn read(&mut self) -> Result<(), TableError> {
        let (start, end) = self.undecoded;
        self.raw.copy_within(start..end, 0);
        self.offset += u64::try_from(start).unwrap_or_default();
        let length = fill(&mut self.input, &mut self.raw, end - start)?;
        self.is_at_end = length == end - start;
        self.undecoded = (0, length);
        self.decode()
    }

    fn decode(&mut self) -> Result<(), TableError> {
        self.text.clear();
        self.position = 0;
        let (start, end) = self.undecoded;
        let bytes = self.raw.get(start..end).unwrap_or_default();
        // The buffer for the text has room for three bytes of each byte.
        let (result, read) = self.decoder.decode_to_string_without_replacement(bytes, &mut self.text, self.is_at_end);
        self.undecoded.0 += read;
        match result {
            DecoderResult::Malformed(length, after) => {
                let before = u64::from(length) + u64::from(after);
                let byte =
                    (self.offset + u64::try_from(self.undecoded.0).unwrap_or_default() + 1).saturating_sub(before);
                let newlines = self.text.bytes().filter(|byte| *byte == b'\n').count();
                Err(TableError::refused(self.malformed(byte, self.line + newlines)))
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => Ok(()),
        }
    }

    fn malformed(&self, byte: u64, line: usize) -> String {
        let encoding = self.decoder.encoding().name();
        let remedy = if self.is_named || self.decoder.encoding() != UTF_8 {
            "the file is damaged, or has another encoding: name it with --encoding"
        } else {
            "save the file as CSV in UTF-8, or name its encoding, for example with --encoding windows-1252"
        };
        format!("byte {byte} of the file, on line {line}, is not {encoding}: {remedy}")
    }
}

/// Reads until the buffer is full or the input ends. Returns the length of its content.
fn fill(input: &mut impl Read, buffer: &mut [u8], mut length: usize) -> io::Result<usize> {
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
