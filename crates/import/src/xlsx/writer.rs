//! Workbooks of records: a sheet for each kind, with a header. Texts are written as texts, never as formulas.

use std::io::Write;

use kernel::{Column, ColumnType, Decimal, Scalar as _, Timestamp};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use serde_json::Value;

use crate::{
    bundle::table_header,
    kinds::RecordKind,
    table::{displayed_number, is_formula, to_serial},
};

/// The most records of a sheet, below its header.
pub const MAX_SHEET_RECORDS: u64 = 1_048_575;

/// The maximum length of a cell, in UTF-16 units.
pub const MAX_CELL_LENGTH: usize = 32_767;

/// The most digits of a number that a spreadsheet keeps.
const MAX_DIGITS: usize = 15;

/// The format of dates. It shows the time zone, which no cell has otherwise.
const DATE_FORMAT: &str = "yyyy-mm-dd hh:mm:ss.000\"Z\"";

/// The width of a date, and the least and the greatest width of a column, in characters.
const DATE_WIDTH: usize = 25;
const MIN_WIDTH: usize = 8;
const MAX_WIDTH: usize = 60;

/// The error of a workbook that can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write the workbook: {0}")]
pub struct WorkbookError(#[from] XlsxError);

/// A workbook that is written row by row. Rows are in temporary files until it is saved.
pub struct WorkbookWriter {
    workbook: Workbook,
    formats: Formats,
}

struct Formats {
    header: Format,
    date: Format,
    /// The format of texts that would be formulas once a person edits them.
    quoted: Format,
}

/// A sheet of a workbook.
pub struct SheetWriter<'w> {
    sheet: &'w mut Worksheet,
    formats: &'w Formats,
    columns: Vec<&'static Column>,
    /// The length of the longest line in each column.
    widths: Vec<usize>,
    next_row: u32,
}

impl Default for WorkbookWriter {
    fn default() -> Self {
        let formats = Formats {
            header: Format::new().set_bold(),
            date: Format::new().set_num_format(DATE_FORMAT),
            quoted: Format::new().set_quote_prefix(),
        };
        Self { workbook: Workbook::new(), formats }
    }
}

impl WorkbookWriter {
    /// Adds a sheet with a header.
    ///
    /// # Errors
    /// If its temporary file can't be written.
    pub fn add_sheet(&mut self, kind: &RecordKind) -> Result<SheetWriter<'_>, WorkbookError> {
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(kind.name())?.set_freeze_panes(1, 0)?;
        let header = table_header(kind);
        // A header is bold, and so wider than other texts of its length.
        let widths = header.iter().map(|name| name.len() + 2).collect();
        for (index, name) in (0..).zip(header) {
            sheet.write_string_with_format(0, index, name, &self.formats.header)?;
        }
        let columns = kind.columns.iter().filter(|column| !column.is_derived).collect();
        Ok(SheetWriter { sheet, formats: &self.formats, columns, widths, next_row: 1 })
    }

    /// Writes the whole workbook.
    ///
    /// # Errors
    /// If `out` can't be written.
    pub fn save(mut self, out: impl Write + Send) -> Result<(), WorkbookError> {
        // Equal records make equal files: the time of the export is not in them.
        let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
        self.workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        Ok(self.workbook.save_to_writer(out)?)
    }
}

impl SheetWriter<'_> {
    /// Adds the row of a record, with a value for each column of the header.
    ///
    /// # Errors
    /// If the temporary file can't be written, or the sheet is full.
    pub fn add(&mut self, values: &[Value]) -> Result<(), WorkbookError> {
        for (((index, column), value), width) in (0..).zip(&self.columns).zip(values).zip(&mut self.widths) {
            let (row, sheet) = (self.next_row, &mut *self.sheet);
            *width = (*width).max(width_of(value, column));
            match value {
                Value::Null => {}
                Value::Number(number) => write_number(sheet, row, index, &number.to_string())?,
                Value::String(text) if column.column_type == Decimal::TYPE => write_number(sheet, row, index, text)?,
                Value::String(text) => {
                    let is_time = column.column_type == ColumnType::Timestamp;
                    let serial =
                        Some(text).filter(|_| is_time).and_then(|text| to_serial(text.parse::<Timestamp>().ok()?));
                    match serial {
                        Some(serial) => sheet.write_number_with_format(row, index, serial, &self.formats.date)?,
                        None if is_formula(text) => {
                            sheet.write_string_with_format(row, index, text.as_str(), &self.formats.quoted)?
                        }
                        None => sheet.write_string(row, index, text.as_str())?,
                    };
                }
                other => {
                    sheet.write_string(row, index, other.to_string())?;
                }
            }
        }
        self.next_row += 1;
        Ok(())
    }

    /// Ends the sheet: its columns become as wide as their longest lines, within bounds.
    ///
    /// # Errors
    /// If a width is none of a column.
    pub fn finish(self) -> Result<(), WorkbookError> {
        for (index, width) in (0..).zip(self.widths) {
            let width = u32::try_from(width.clamp(MIN_WIDTH, MAX_WIDTH)).unwrap_or_default();
            self.sheet.set_column_width(index, f64::from(width))?;
        }
        Ok(())
    }
}

/// The number of characters of the longest line of a value.
fn width_of(value: &Value, column: &Column) -> usize {
    match value {
        Value::Null => 0,
        Value::String(_) if column.column_type == ColumnType::Timestamp => DATE_WIDTH,
        Value::String(text) => text.lines().map(|line| line.chars().take(MAX_WIDTH).count()).max().unwrap_or_default(),
        other => other.to_string().len(),
    }
}

/// Writes a number, or as a text if a spreadsheet would change it.
fn write_number(sheet: &mut Worksheet, row: u32, column: u16, text: &str) -> Result<(), XlsxError> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match text.parse::<f64>() {
        Ok(number) if digits <= MAX_DIGITS && displayed_number(number) == text => {
            sheet.write_number(row, column, number)?
        }
        _ => sheet.write_string(row, column, text)?,
    };
    Ok(())
}
