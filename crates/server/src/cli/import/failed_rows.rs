//! The file with the rows of a table that failed, to correct and import.

use std::path::{Path, PathBuf};

use import::table::TableRow;

use crate::{
    cli::NewFile,
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, KeptRows},
};

/// The rows of a table, of which those that fail are written to a file.
pub(super) struct FailedRows {
    path: PathBuf,
    /// The file, which disappears unless it is completed.
    file: NewFile,
    rows: KeptRows,
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
        Ok(Self { path: path.to_owned(), file, rows: KeptRows::new()? })
    }

    /// Sets the header.
    pub(super) fn set_header(&mut self, header: &TableRow, has_local_numbers: bool) {
        self.rows.set_header(header, has_local_numbers);
    }

    /// Keeps a row.
    pub(super) fn add(&mut self, row: &TableRow) -> Result<(), Failure> {
        self.rows.add(row)
    }

    /// Writes the rows that failed; `None` if there are none.
    ///
    /// # Errors
    /// If the file can't be written.
    pub(super) fn write(self, failures: &DraftFailures) -> Result<Option<FailedRowsFile>, Failure> {
        let Self { path, mut file, rows } = self;
        let path = path.display().to_string();
        let rows = rows.write_failed(failures, file.writer()).context(|| path.clone())?;
        if rows == 0 {
            return Ok(None);
        }
        file.complete()?;
        Ok(Some(FailedRowsFile { path, rows, left_out: failures.count() - rows }))
    }
}
