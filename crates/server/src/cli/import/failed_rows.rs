//! The rows of a table that failed, as a file to correct and import.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use import::{
    csv::{Delimiter, FailedRow},
    table::{FAULT_COLUMN, TableRow},
};

use crate::{
    cli::NewFile,
    failure::{Failure, ResultExt as _},
    operations::DraftFailures,
};

/// The most rows of the file.
pub(super) const MAX_FAILED_ROWS: usize = 100_000;

/// The rows of a table, in a temporary file until the failed ones are known.
pub(super) struct FailedRows {
    path: PathBuf,
    /// The file, which disappears unless it is completed.
    file: NewFile,
    header: Option<FailedRow>,
    /// The column with the reasons of an earlier import, which the new ones replace.
    fault_column: Option<usize>,
    delimiter: Delimiter,
    out: BufWriter<File>,
}

/// The file with failed rows.
#[derive(Debug)]
pub(super) struct FailedRowsFile {
    pub(super) path: String,
    pub(super) rows: usize,
    /// The number of further rows that failed.
    pub(super) left_out: usize,
}

impl FailedRows {
    /// Begins to keep rows for the file with this path.
    ///
    /// # Errors
    /// If the file exists, or can't be created, or the temporary file can't.
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let file = NewFile::create(path)?;
        let out = BufWriter::new(tempfile::tempfile().context(keeping)?);
        Ok(Self { path: path.to_owned(), file, header: None, fault_column: None, delimiter: Delimiter::COMMA, out })
    }

    /// Sets the header. Numbers with a decimal comma keep their meaning only between semicolons.
    pub(super) fn set_header(&mut self, header: &TableRow, has_local_numbers: bool) {
        let mut header = FailedRow::new(header);
        self.fault_column = header.cells.iter().position(|cell| cell.trim() == FAULT_COLUMN);
        self.remove_fault(&mut header);
        self.header = Some(header);
        self.delimiter = if has_local_numbers { Delimiter::SEMICOLON } else { Delimiter::COMMA };
    }

    /// Keeps a row.
    pub(super) fn add(&mut self, row: &TableRow) -> Result<(), Failure> {
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

    /// Writes the rows that failed; `None` if there are none.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(super) fn write(mut self, failures: &DraftFailures) -> Result<Option<FailedRowsFile>, Failure> {
        let reasons: HashMap<usize, &str> =
            failures.listed().iter().map(|(_, failure)| (failure.position.line, &*failure.message)).collect();
        let Some(header) = self.header.filter(|_| !reasons.is_empty()) else { return Ok(None) };
        let mut rows = self.out.into_inner().map_err(io::IntoInnerError::into_error).context(keeping)?;
        let mut width = header.cells.len();
        each_row(&mut rows, |line, row| {
            if reasons.contains_key(&line) {
                width = width.max(row.cells.len());
            }
            Ok(())
        })?;
        let writing = || format!("can't write {}", self.path.display());
        let out = self.file.writer();
        out.write_all(header.header_line(width, self.delimiter).as_bytes()).context(writing)?;
        each_row(&mut rows, |line, row| match reasons.get(&line) {
            Some(reason) => out.write_all(row.line(width, reason, self.delimiter).as_bytes()).context(writing),
            None => Ok(()),
        })?;
        self.file.complete()?;
        let path = self.path.display().to_string();
        Ok(Some(FailedRowsFile { path, rows: reasons.len(), left_out: failures.count() - reasons.len() }))
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
