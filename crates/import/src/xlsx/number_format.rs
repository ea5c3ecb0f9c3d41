//! The formats in which a number looks like another value.

use std::collections::HashMap;

use calamine::Style;

use crate::table::TableError;

/// The most ranges of cells with such formats that are kept.
const MAX_RANGES: usize = 1_000_000;

/// A format in which a number looks like another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberFormat {
    /// A hundred times the number, with a percent sign.
    Percent,
    /// With zeros before it, up to this number of digits.
    Padded(usize),
    /// A date with a `Z` behind it, which is thus in UTC.
    UtcDate,
}

impl NumberFormat {
    /// The format with this code; `None` if it shows the number itself.
    pub(super) fn from_code(code: &str) -> Option<Self> {
        let mut characters = code.chars();
        let (mut zeros, mut is_integer, mut is_percent, mut is_date) = (0, true, false, false);
        // Whether the last character is a `Z` that is displayed as it is.
        let mut ends_with_z = false;
        while let Some(character) = characters.next() {
            // The format of negative numbers.
            if character == ';' {
                break;
            }
            let literal = match character {
                '"' => characters.by_ref().take_while(|character| *character != '"').last(),
                '\\' => characters.next(),
                _ => None,
            };
            ends_with_z = literal == Some('Z');
            match character {
                '"' | '\\' => {}
                '[' => drop(characters.by_ref().find(|character| *character == ']')),
                '_' | '*' => drop(characters.next()),
                'y' | 'Y' | 'd' | 'D' => is_date = true,
                '%' => is_percent = true,
                '.' | 'E' | 'e' | '/' => is_integer = false,
                '0' if is_integer => zeros += 1,
                _ => {}
            }
        }
        match (is_percent, zeros) {
            _ if is_date => ends_with_z.then_some(Self::UtcDate),
            (true, _) => Some(Self::Percent),
            (false, zeros) => (zeros > 1).then_some(Self::Padded(zeros)),
        }
    }

    fn of_style(style: &Style) -> Option<Self> {
        style.number_format.as_ref().and_then(|format| Self::from_code(&format.format_code))
    }
}

/// Cells of a column with the same format, and none with another one between them.
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u32,
    last: u32,
    format: Option<NumberFormat>,
    /// Whether a cell without such a format follows.
    is_closed: bool,
}

/// The cells of a sheet with such formats.
#[derive(Debug, Default)]
pub(super) struct FormattedCells {
    /// The format of cells without a style, and of those of no range.
    default: Option<NumberFormat>,
    styles: Vec<Option<NumberFormat>>,
    columns: HashMap<u32, Vec<Range>>,
    ranges: usize,
}

impl FormattedCells {
    /// Begins with the styles of the workbook. Returns also whether there can be such cells.
    pub(super) fn new(styles: &[Style]) -> (Self, bool) {
        let styles: Vec<Option<NumberFormat>> = styles.iter().map(NumberFormat::of_style).collect();
        let has_any = styles.iter().any(Option::is_some);
        let default = styles.first().copied().flatten();
        (Self { default, styles, ..Self::default() }, has_any)
    }

    /// Adds a cell with a style. Cells of one column come in the order of their rows.
    pub(super) fn add(&mut self, row: u32, column: u32, style: usize) -> Result<(), TableError> {
        let format = self.styles.get(style).copied().flatten();
        if format == self.default {
            if let Some(range) = self.columns.get_mut(&column).and_then(|ranges| ranges.last_mut()) {
                range.is_closed = true;
            }
            return Ok(());
        }
        let ranges = self.columns.entry(column).or_default();
        match ranges.last_mut() {
            Some(range) if range.format == format && !range.is_closed => range.last = row,
            _ => {
                self.ranges += 1;
                if self.ranges > MAX_RANGES {
                    return Err(TableError::refused(format!(
                        "the sheet has more than {MAX_RANGES} ranges of cells that are formatted as percentages or with \
                         leading zeros: format whole columns as numbers or text"
                    )));
                }
                ranges.push(Range { first: row, last: row, format, is_closed: false });
            }
        }
        Ok(())
    }

    /// The format of a cell.
    pub(super) fn format(&self, row: u32, column: u32) -> Option<NumberFormat> {
        let ranges = self.columns.get(&column).map_or(&[][..], Vec::as_slice);
        let range = ranges.get(ranges.partition_point(|range| range.last < row)).filter(|range| range.first <= row);
        range.map_or(self.default, |range| range.format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_and_leading_zeros_are_found_in_the_codes_of_formats() {
        for code in ["0%", "0.00%", "#,##0.0 %", "[Red]0%;[Blue]-0%", "\"up \"0%"] {
            assert_eq!(NumberFormat::from_code(code), Some(NumberFormat::Percent), "{code}");
        }
        for (code, digits) in [("00000", 5), ("000-0000", 7), ("00.00", 2), ("\"NR \"0000;-0", 4)] {
            assert_eq!(NumberFormat::from_code(code), Some(NumberFormat::Padded(digits)), "{code}");
        }
        for code in ["yyyy-mm-dd hh:mm:ss.000\"Z\"", "yyyy\\-mm\\-dd\\ hh:mm\\Z;@", "d.m.yyyy h:mm\" Z\""] {
            assert_eq!(NumberFormat::from_code(code), Some(NumberFormat::UtcDate), "{code}");
        }
        for code in [
            "yyyy-mm-dd",
            "dd.mm.yyyy\" Zeit\"",
            "0\"Z\"",
            "General",
            "0",
            "0.00",
            "#,##0.00",
            "0.00\" %\"",
            "0\\%",
            "0.00E+00",
            "# ?/?",
            "0_%",
            "@",
            "",
            "0;00%",
            "[0000]0",
        ] {
            assert_eq!(NumberFormat::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn the_formats_of_cells_are_kept_as_ranges_whose_number_is_limited() {
        let styles = vec![None, Some(NumberFormat::Percent), Some(NumberFormat::Padded(5))];
        let mut cells = FormattedCells { styles, ..FormattedCells::default() };
        for (row, style) in [(1, 1), (2, 1), (3, 2), (4, 0), (5, 2), (6, 0)] {
            cells.add(row, 3, style).unwrap();
        }
        assert_eq!(cells.ranges, 3);
        // A cell that does not exist ends no range.
        for row in [2, 4, 9] {
            cells.add(row, 4, 1).unwrap();
        }
        assert_eq!((cells.ranges, cells.format(9, 4)), (4, Some(NumberFormat::Percent)));
        let formats: Vec<Option<NumberFormat>> = (0..7).map(|row| cells.format(row, 3)).collect();
        let (percent, padded) = (Some(NumberFormat::Percent), Some(NumberFormat::Padded(5)));
        assert_eq!(formats, [None, percent, percent, padded, None, padded, None]);
        assert_eq!(cells.format(1, 2), None);
        let mut inverse = FormattedCells { styles: vec![percent, None], default: percent, ..FormattedCells::default() };
        inverse.add(1, 3, 1).unwrap();
        assert_eq!([0, 1, 2].map(|row| inverse.format(row, 3)), [percent, None, percent]);
        cells.ranges = MAX_RANGES;
        assert!(cells.add(9, 3, 1).is_err());
    }
}
