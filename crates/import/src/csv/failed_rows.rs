//! Rows that failed, as a table that can be corrected and imported.

use super::{
    delimiter::Delimiter,
    written_row::{quoted, written_row},
};
use crate::table::{FAULT_COLUMN, FAULT_TEXT, TableRow, disarmed};

/// A byte order mark: by it, spreadsheets recognize UTF-8, and imports ignore the encoding that a caller names.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A row of a table as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRow {
    /// The cells, as a spreadsheet shows them.
    pub cells: Vec<String>,
    /// Whether the row as a whole is faulty. Then it gets no further cells, so that it fails again unless it is corrected.
    pub is_faulty: bool,
}

impl FailedRow {
    /// The row, which may be of any format.
    #[must_use]
    pub fn new(row: &TableRow) -> Self {
        let cells = row.cells.iter().map(|cell| cell.shown().unwrap_or_else(|| FAULT_TEXT.to_owned()));
        Self { cells: cells.collect(), is_faulty: row.fault.is_some() }
    }

    /// The header of a CSV file with `width` columns and the reasons. All its cells are quoted, so that the delimiter is the
    /// most frequent character of its kind outside quotes.
    #[must_use]
    pub fn header_line(&self, width: usize, delimiter: Delimiter) -> String {
        let cells: Vec<String> = self.padded(width, FAULT_COLUMN).map(|cell| quoted(&cell)).collect();
        format!("{BYTE_ORDER_MARK}{}\r\n", cells.join(&delimiter.to_string()))
    }

    /// The row of a CSV file with `width` columns and the reasons.
    #[must_use]
    pub fn line(&self, width: usize, reason: &str, delimiter: Delimiter) -> String {
        written_row(self.padded(width, reason), delimiter)
    }

    fn padded<'r>(&'r self, width: usize, last: &'r str) -> impl Iterator<Item = String> + use<'r> {
        let missing = if self.is_faulty { 0 } else { width.saturating_sub(self.cells.len()) };
        let empty = std::iter::repeat_n("", missing);
        let cells = self.cells.iter().map(String::as_str).chain(empty).chain([last]);
        cells.map(|cell| disarmed(cell).into_owned())
    }
}
