//! The rows of a table, kept until it is clear which of them fail, as a file to correct and import.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write},
};

use import::{
    csv::{Delimiter, FailedRow},
    table::{FAULT_COLUMN, TableRow},
};

use super::drafts::DraftFailures;
use crate::failure::{Failure, ResultExt as _};

/// The most rows of the file.
pub(crate) const MAX_FAILED_ROWS: usize = 100_000;

/// The rows of a table, in a temporary file until the failed ones are known.
pub(crate) struct KeptRows {
    header: Option<FailedRow>,
    /// The column with the reasons of an earlier import, which the new ones replace.
    fault_column: Option<usize>,
    delimiter: Delimiter,
    out: BufWriter<File>,
}

impl KeptRows {
    /// Begins to keep rows.
    ///
    /// # Errors
    /// If the temporary file can't be created.
    pub(crate) fn new() -> Result<Self, Failure> {
        let out = BufWriter::new(tempfile::tempfile().context(keeping)?);
        Ok(Self { header: None, fault_column: None, delimiter: Delimiter::COMMA, out })
    }

    /// Sets the header. Numbers with a decimal comma keep their meaning only between semicolons.
    pub(crate) fn set_header(&mut self, header: &TableRow, has_local_numbers: bool) {
        let mut header = FailedRow::new(header);
        self.fault_column = header.cells.iter().position(|cell| cell.trim() == FAULT_COLUMN);
        self.remove_fault(&mut header);
        self.header = Some(header);
        self.delimiter = if has_local_numbers { Delimiter::SEMICOLON } else { Delimiter::COMMA };
    }

    /// Keeps a row.
    ///
    /// # Errors
    /// If the temporary file can't be written.
    pub(crate) fn add(&mut self, row: &TableRow) -> Result<(), Failure> {
        let mut failed = FailedRow::new(row);
        self.remove_fault(&mut failed);
        let FailedRow { cells, is_faulty } = failed;
        let line = serde_json::to_string(&(row.line, is_faulty, cells))?;
        writeln!(self.out, "{line}").context(keeping)
    }

    fn remove_fault(&self, row: &mut FailedRow) {
        if let Some(column) = self.fault_column.filter(|column| *column < row.cells.len()) {
            row.cells.remove(column);
        }
    }

    /// Writes those of the rows that failed and are listed. Returns their number; nothing is written if it is 0.
    ///
    /// # Errors
    /// If the temporary file can't be read, or `out` can't be written.
    pub(crate) fn write_failed(self, failures: &DraftFailures, out: &mut dyn Write) -> Result<usize, Failure> {
        let reasons: HashMap<usize, &str> =
            failures.listed().iter().map(|(_, failure)| (failure.position.line, &*failure.message)).collect();
        let Some(header) = self.header.filter(|_| !reasons.is_empty()) else { return Ok(0) };
        let mut rows = self.out.into_inner().map_err(io::IntoInnerError::into_error).context(keeping)?;
        let mut width = header.cells.len();
        each_row(&mut rows, |line, row| {
            if reasons.contains_key(&line) {
                width = width.max(row.cells.len());
            }
            Ok(())
        })?;
        let writing = || "can't write the rows that failed".to_owned();
        out.write_all(header.header_line(width, self.delimiter).as_bytes()).context(writing)?;
        each_row(&mut rows, |line, row| match reasons.get(&line) {
            Some(reason) => out.write_all(row.line(width, reason, self.delimiter).as_bytes()).context(writing),
            None => Ok(()),
        })?;
        Ok(reasons.len())
    }
}

/// Calls the function with the line and the text of each row.
fn each_row(rows: &mut File, mut call: impl FnMut(usize, FailedRow) -> Result<(), Failure>) -> Result<(), Failure> {
    rows.rewind().context(keeping)?;
    for line in BufReader::new(rows).lines() {
        let (line, is_faulty, cells) = serde_json::from_str(&line.context(keeping)?).context(keeping)?;
        call(line, FailedRow { cells, is_faulty })?;
    }
    Ok(())
}

fn keeping() -> String {
    format!("can't keep the rows in a temporary file in {}", std::env::temp_dir().display())
}
