//! The rows of a sheet, cell by cell.

use std::io::{Read, Seek};

use calamine::{DataRef, XlsxCellReader, XlsxError};

use super::{
    number_format::{FormattedCells, NumberFormat},
    workbook_error::unreadable,
};
use crate::table::{
    MAX_COLUMNS, MAX_ROW_LENGTH, TableCell, TableError, TableRow, TableRows, column_letters, displayed_number,
    from_serial,
};

/// The last row of a sheet.
const MAX_ROW: usize = 1_048_576;

/// The rows of a sheet.
pub struct SheetRows<'w, R: Read + Seek> {
    cells: XlsxCellReader<'w, R>,
    is_1904: bool,
    formats: FormattedCells,
    /// The first row that counts.
    header_row: usize,
    /// The first cell of the next row.
    pending: Option<SheetCell>,
    is_at_end: bool,
}

/// A cell that is not empty.
struct SheetCell {
    row: usize,
    column: usize,
    cell: TableCell,
}

/// The name of a cell by its row and its column, from 0.
pub(super) fn cell_name((row, column): (u32, u32)) -> String {
    format!("{}{}", column_letters(usize::try_from(column).unwrap_or(usize::MAX)), u64::from(row) + 1)
}

impl<'w, R: Read + Seek> SheetRows<'w, R> {
    pub(super) const fn new(
        cells: XlsxCellReader<'w, R>,
        is_1904: bool,
        formats: FormattedCells,
        header_row: usize,
    ) -> Self {
        Self { cells, is_1904, formats, header_row, pending: None, is_at_end: false }
    }

    /// The next cell that is not empty.
    fn next_cell(&mut self) -> Result<Option<SheetCell>, TableError> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        while !self.is_at_end {
            let Some(record) = self.cells.next_cell_with_formula_metadata().map_err(unreadable_cell)? else {
                self.is_at_end = true;
                break;
            };
            let cell = match record.value {
                DataRef::Empty if record.formula.is_some() => TableCell::Fault(
                    "has a formula without a value: open the file in a spreadsheet program, and save it".to_owned(),
                ),
                value => self.cell(value, record.pos),
            };
            let index = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            let (row, column) = (index(record.pos.0) + 1, index(record.pos.1));
            if row > MAX_ROW {
                return Err(TableError::refused(format!("the workbook is damaged: it has a row {row}")));
            }
            if cell == TableCell::Empty || row < self.header_row {
                continue;
            }
            if column >= MAX_COLUMNS {
                let name = cell_name(record.pos);
                return Err(TableError::refused(format!(
                    "the cell {name} has a value, and only {MAX_COLUMNS} columns are read: remove the columns behind them"
                )));
            }
            return Ok(Some(SheetCell { row, column, cell }));
        }
        Ok(None)
    }

    fn cell(&self, value: DataRef<'_>, position: (u32, u32)) -> TableCell {
        match value {
            DataRef::Empty => TableCell::Empty,
            DataRef::String(text) | DataRef::DateTimeIso(text) => text_cell(text),
            DataRef::SharedString(text) => text_cell(text.to_owned()),
            // An integer of a cell was a binary number before.
            #[allow(clippy::cast_precision_loss, reason = "the format has only binary numbers")]
            DataRef::Int(number) => self.number(number as f64, position),
            DataRef::Float(number) => self.number(number, position),
            DataRef::Bool(value) => TableCell::Boolean(value),
            DataRef::DateTime(time) if time.is_duration() => {
                TableCell::Fault("is a duration, which no field takes: format the cell as text".to_owned())
            }
            DataRef::DateTime(time) => match from_serial(time.as_f64(), self.is_1904) {
                Ok(time) if self.formats.format(position.0, position.1) == Some(NumberFormat::UtcDate) => {
                    TableCell::Moment(time)
                }
                Ok(time) => TableCell::Date(time),
                Err(reason) => TableCell::Fault(reason),
            },
            DataRef::DurationIso(_) => {
                TableCell::Fault("is a duration, which no field takes: format the cell as text".to_owned())
            }
            DataRef::Error(error) => TableCell::Fault(format!("has the error {error}: correct its formula")),
        }
    }

    fn number(&self, number: f64, (row, column): (u32, u32)) -> TableCell {
        match self.formats.format(row, column) {
            Some(NumberFormat::Percent) => TableCell::Percent(number),
            Some(NumberFormat::Padded(digits)) if integer_digits(number) < digits => TableCell::Padded(number, digits),
            _ => TableCell::Number(number),
        }
    }
}

/// The number of digits before the decimal point of a number.
fn integer_digits(number: f64) -> usize {
    displayed_number(number.abs()).split('.').next().map_or(0, str::len)
}

fn text_cell(text: String) -> TableCell {
    if text.is_empty() { TableCell::Empty } else { TableCell::Text(text) }
}

/// The error of a cell. An error value that is not known is one of a newer version.
fn unreadable_cell(error: XlsxError) -> TableError {
    match error {
        XlsxError::CellError(value) => {
            let value: String = value.chars().take(20).collect();
            TableError::refused(format!("a cell of the sheet has the error {value}: correct its formula"))
        }
        error => unreadable(error),
    }
}

impl<R: Read + Seek> TableRows for SheetRows<'_, R> {
    fn next_row(&mut self) -> Result<Option<TableRow>, TableError> {
        loop {
            let Some(first) = self.next_cell()? else { return Ok(None) };
            let mut row = TableRow { line: first.row, ..TableRow::default() };
            let mut length = 0;
            let mut next = Some(first);
            while let Some(SheetCell { row: line, column, cell }) = next {
                if line != row.line {
                    if line < row.line {
                        let message = format!("the workbook is damaged: row {line} comes after row {}", row.line);
                        return Err(TableError::refused(message));
                    }
                    self.pending = Some(SheetCell { row: line, column, cell });
                    break;
                }
                length += if let TableCell::Text(text) = &cell { text.len() } else { 0 };
                if length > MAX_ROW_LENGTH {
                    row.fault = Some(format!("the row has more than {MAX_ROW_LENGTH} bytes, which no record needs"));
                } else {
                    if row.cells.len() <= column {
                        row.cells.resize(column + 1, TableCell::Empty);
                    }
                    if let Some(slot) = row.cells.get_mut(column) {
                        *slot = cell;
                    }
                }
                next = self.next_cell()?;
            }
            if !row.is_blank() {
                return Ok(Some(row));
            }
        }
    }
}
