//! A workbook and its sheets.

use std::io::{BufReader, Read, Seek};

use calamine::{Reader as _, SheetType, SheetVisible, Xlsx};

use super::{
    archive, merged_cells::warning, number_format::FormattedCells, sheet_rows::SheetRows, workbook_error::unreadable,
};
use crate::{
    shorten,
    table::{TableError, TableRows as _},
};

/// The most sheets that an error names.
const MAX_NAMED_SHEETS: usize = 20;

/// A workbook.
pub struct Workbook<R: Read + Seek> {
    xlsx: Xlsx<BufReader<R>>,
}

impl<R: Read + Seek> Workbook<R> {
    /// Opens a workbook, after a check of what its archive unpacks to.
    ///
    /// # Errors
    /// [`TableError`] if the file can't be read, is no workbook, or is refused.
    pub fn open(file: R) -> Result<Self, TableError> {
        Self::open_within(file, archive::MAX_UNPACKED)
    }

    /// Opens a workbook whose archive unpacks to at most `max_unpacked` bytes.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_within(mut file: R, max_unpacked: u64) -> Result<Self, TableError> {
        archive::check(&mut file, max_unpacked)?;
        file.rewind()?;
        let xlsx = Xlsx::new(BufReader::new(file)).map_err(unreadable)?;
        Ok(Self { xlsx })
    }

    /// Finds the sheet to read: the one with the name; without one, the visible sheet that is named after the kind of the
    /// records, or the only one that has rows.
    ///
    /// # Errors
    /// [`TableError`] if there is none, or more than one.
    pub fn find_sheet(&mut self, name: Option<&str>, kind: &str) -> Result<String, TableError> {
        let sheets = self.xlsx.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let sheets: Vec<(String, bool)> =
            sheets.map(|sheet| (sheet.name.clone(), sheet.visible == SheetVisible::Visible)).collect();
        let named = |sheets: &[(String, bool)]| {
            let names: Vec<String> = sheets
                .iter()
                .take(MAX_NAMED_SHEETS)
                .map(|(name, is_visible)| {
                    format!("{:?}{}", shorten::displayed(name), if *is_visible { "" } else { " (hidden)" })
                })
                .collect();
            let further = if sheets.len() > names.len() { ", …" } else { "" };
            format!("{}{further}", names.join(", "))
        };
        if let Some(wanted) = name {
            let exact = sheets.iter().find(|(name, _)| name == wanted);
            let found = exact.or_else(|| sheets.iter().find(|(name, _)| name.to_lowercase() == wanted.to_lowercase()));
            return found.map(|(name, _)| name.clone()).ok_or_else(|| {
                TableError::refused(format!("there is no sheet {wanted:?}; the sheets are {}", named(&sheets)))
            });
        }
        if let Some((name, _)) = sheets.iter().find(|(name, is_visible)| *is_visible && name == kind) {
            return Ok(name.clone());
        }
        let mut with_rows = Vec::new();
        for (name, _) in sheets.iter().filter(|(_, is_visible)| *is_visible) {
            if self.rows_from(name, 1, FormattedCells::default())?.next_row()?.is_some() {
                with_rows.push((name.clone(), true));
            }
        }
        match &with_rows[..] {
            [(only, _)] => Ok(only.clone()),
            [] if sheets.is_empty() => Err(TableError::refused("the workbook has no sheets with cells")),
            [] => Err(TableError::refused(format!("no visible sheet has rows; the sheets are {}", named(&sheets)))),
            several => Err(TableError::refused(format!(
                "several sheets have rows: name one with --sheet; they are {}",
                named(several)
            ))),
        }
    }

    /// The rows of a sheet, from this one on if it is given. The first is the header.
    ///
    /// # Errors
    /// [`TableError`] if the sheet can't be read.
    pub fn rows(&mut self, sheet: &str, header_row: Option<usize>) -> Result<SheetRows<'_, BufReader<R>>, TableError> {
        let formats = self.formatted_cells(sheet)?;
        self.rows_from(sheet, header_row.unwrap_or(1), formats)
    }

    fn rows_from(
        &mut self,
        sheet: &str,
        first: usize,
        formats: FormattedCells,
    ) -> Result<SheetRows<'_, BufReader<R>>, TableError> {
        let is_1904 = self.xlsx.has_1904_epoch();
        let cells = self.xlsx.worksheet_cells_reader(sheet).map_err(unreadable)?;
        Ok(SheetRows::new(cells, is_1904, formats, first))
    }

    /// The cells whose formats make numbers look like other values. They are read before the rows, and only if the workbook
    /// has such formats.
    fn formatted_cells(&mut self, sheet: &str) -> Result<FormattedCells, TableError> {
        let mut cells = self.xlsx.worksheet_cells_reader(sheet).map_err(unreadable)?;
        let (mut formatted, has_any) = FormattedCells::new(cells.styles());
        while has_any && let Some((row, column, style)) = cells.next_style_id().map_err(unreadable)? {
            formatted.add(row, column, style)?;
        }
        Ok(formatted)
    }

    /// A warning about merged cells, from this row on if it is given: all but the first of them are empty.
    ///
    /// # Errors
    /// [`TableError`] if the sheet can't be read.
    pub fn merged_cells(&mut self, sheet: &str, header_row: Option<usize>) -> Result<Option<String>, TableError> {
        let ranges = self.xlsx.merge_cells_by_sheet_name(sheet).map_err(unreadable)?;
        let first = header_row.unwrap_or(1);
        let below = ranges.iter().filter(|range| usize::try_from(range.end.0).is_ok_and(|row| row + 1 >= first));
        Ok(warning(below.map(|range| (range.start, range.end))))
    }
}
