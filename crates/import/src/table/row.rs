//! The rows of tables, which each format supplies.

use std::io;

use super::cell::TableCell;

/// The most columns of a table.
pub const MAX_COLUMNS: usize = 1024;

/// The maximum length of a row, in bytes: that of all its texts.
pub const MAX_ROW_LENGTH: usize = 1024 * 1024;

/// A row of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableRow {
    /// The line or row in the file, from 1.
    pub line: usize,
    /// The cells, from the first column on.
    pub cells: Vec<TableCell>,
    /// The reason why the whole row can't be used.
    pub fault: Option<String>,
}

impl TableRow {
    /// Whether there is nothing in the row.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.fault.is_none() && self.cells.iter().all(TableCell::is_blank)
    }
}

/// The error of a table that can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The content of the file is refused.
    #[error("{0}")]
    Refused(String),
}

impl TableError {
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

/// A source of rows.
pub trait TableRows {
    /// Returns the next row that is not blank; `None` at the end.
    ///
    /// # Errors
    /// [`TableError`] if the file can't be read, or not beyond this row.
    fn next_row(&mut self) -> Result<Option<TableRow>, TableError>;

    /// Whether numbers may have a decimal comma because of the form of the file.
    fn has_local_numbers(&self) -> bool {
        false
    }
}
