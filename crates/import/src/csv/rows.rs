//! The rows of a CSV file.

use std::io::Read;

use super::{
    decoded_text::{DecodedText, TextEncoding},
    delimiter::Delimiter,
};
use crate::table::{MAX_COLUMNS, MAX_ROW_LENGTH, TableCell, TableError, TableRow, TableRows, column_letters, rearmed};

/// The caller's statements about a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsvOptions {
    /// The encoding, if the file has no byte order mark.
    pub encoding: Option<TextEncoding>,
    /// The delimiter. Without one, it is found in the header.
    pub delimiter: Option<Delimiter>,
    /// The line of the header. Without one, it is the first row that is not blank.
    pub header_line: Option<usize>,
}

/// The rows of a CSV file. The first is the header.
pub struct CsvRows<R> {
    text: DecodedText<R>,
    delimiter: Delimiter,
    /// The number of cells of the header, once it is read.
    width: Option<usize>,
}

/// The end of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CellEnd {
    Cell,
    Row,
}

impl<R: Read> CsvRows<R> {
    /// Begins to read a file.
    ///
    /// # Errors
    /// [`TableError`] if it can't be read, or is not in the encoding.
    pub fn open(input: R, options: CsvOptions) -> Result<Self, TableError> {
        let mut text = DecodedText::new(input, options.encoding)?;
        let hint = Delimiter::from_hint(text.available());
        for _ in 0..hint.map_or(0, |(_, length)| length) {
            text.next()?;
        }
        while text.line() < options.header_line.unwrap_or(1) && text.next()?.is_some() {}
        while matches!(text.peek()?, Some(b'\r' | b'\n')) {
            text.next()?;
        }
        let hinted = hint.map(|(delimiter, _)| delimiter);
        let delimiter = options.delimiter.or(hinted).unwrap_or_else(|| Delimiter::detect(text.available()));
        Ok(Self { text, delimiter, width: None })
    }

    /// Reads a row, blank or not; `None` at the end.
    fn read(&mut self) -> Result<Option<TableRow>, TableError> {
        if self.text.peek()?.is_none() {
            return Ok(None);
        }
        let mut row = TableRow { line: self.text.line(), ..TableRow::default() };
        let mut length = 0;
        loop {
            let (cell, end) = self.read_cell(&row, &mut length)?;
            if row.cells.len() == MAX_COLUMNS {
                let message = format!("line {} has more than {MAX_COLUMNS} cells", row.line);
                return Err(TableError::refused(message));
            }
            row.cells.push(if cell.is_empty() {
                TableCell::Empty
            } else {
                TableCell::Text(rearmed(&cell).into_owned())
            });
            if end == CellEnd::Row {
                return Ok(Some(row));
            }
        }
    }

    /// Reads a cell. `length` is the length of the row so far.
    fn read_cell(&mut self, row: &TableRow, length: &mut usize) -> Result<(String, CellEnd), TableError> {
        let quote = (self.text.peek()? == Some(b'"')).then(|| self.text.line());
        if quote.is_some() {
            self.text.next()?;
        }
        let mut bytes = Vec::new();
        let mut is_quoted = quote.is_some();
        let end = loop {
            let is_closing = is_quoted && self.text.peek()? == Some(b'"');
            match self.text.next()? {
                Some(b'"') if is_closing => {
                    if self.text.peek()? == Some(b'"') {
                        bytes.extend(self.text.next()?);
                    } else {
                        is_quoted = false;
                        self.check_closed(row)?;
                    }
                }
                Some(byte) if is_quoted => bytes.push(byte),
                Some(byte) if byte == self.delimiter.byte() => break CellEnd::Cell,
                Some(b'\r') => {
                    if self.text.peek()? == Some(b'\n') {
                        self.text.next()?;
                    }
                    break CellEnd::Row;
                }
                Some(b'\n') => break CellEnd::Row,
                Some(byte) => bytes.push(byte),
                None if is_quoted => return Err(unclosed(quote, row, "before the end of the file")),
                None => break CellEnd::Row,
            }
            *length += 1;
            if *length > MAX_ROW_LENGTH {
                return Err(match quote.filter(|_| is_quoted) {
                    Some(_) => unclosed(quote, row, &format!("within {MAX_ROW_LENGTH} bytes")),
                    None => TableError::refused(format!(
                        "the row that begins on line {} has more than {MAX_ROW_LENGTH} bytes, which no record needs",
                        row.line
                    )),
                });
            }
        };
        // The pieces of the text end between characters, and so do cells, whose ends are ASCII.
        Ok((String::from_utf8_lossy(&bytes).into_owned(), end))
    }

    /// Refuses text behind a closing quote.
    fn check_closed(&mut self, row: &TableRow) -> Result<(), TableError> {
        match self.text.peek()? {
            None | Some(b'\r' | b'\n') => Ok(()),
            Some(byte) if byte == self.delimiter.byte() => Ok(()),
            Some(_) => Err(TableError::refused(format!(
                "line {}: there is text behind the closing quote in column {}: put the quotes around the whole cell, and \
                 double those inside it",
                self.text.line(),
                column_letters(row.cells.len()),
            ))),
        }
    }

    /// Notes that the row has another number of cells than the header.
    fn check_width(&mut self, row: &mut TableRow) {
        let width = *self.width.get_or_insert(row.cells.len());
        while row.cells.len() > width && row.cells.last().is_some_and(TableCell::is_blank) {
            row.cells.pop();
        }
        let count = row.cells.len();
        if count != width {
            let remedy = if count < width {
                "the row is cut off, or lacks a delimiter"
            } else {
                "put quotes around a cell that has a delimiter or a line end"
            };
            row.fault = Some(format!("the row has {count} cells, and the header has {width}: {remedy}"));
        }
    }
}

fn unclosed(quote: Option<usize>, row: &TableRow, within: &str) -> TableError {
    let line = quote.unwrap_or(row.line);
    TableError::refused(format!(
        "line {line}: the quote at the start of column {} is not closed {within}: the file is cut off, or the quote is not \
         doubled inside quotes",
        column_letters(row.cells.len()),
    ))
}

impl<R: Read> TableRows for CsvRows<R> {
    fn next_row(&mut self) -> Result<Option<TableRow>, TableError> {
        while let Some(mut row) = self.read()? {
            if !row.is_blank() {
                self.check_width(&mut row);
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn has_local_numbers(&self) -> bool {
        self.delimiter.is_for_decimal_commas()
    }
}
