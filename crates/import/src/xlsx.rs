//! Tables in Excel workbooks (Office Open XML, `.xlsx`): reading with `calamine`, writing with `rust_xlsxwriter`.
//!
//! | part | rule |
//! |---|---|
//! | the archive | checked before anything is read: the number of its parts, what they unpack to, the ratio, and the number of the elements that stay in memory |
//! | the sheet | the one that the caller names, or the only visible one with rows |
//! | a formula | its value as it was calculated last; one without a value is an error of its row |
//! | merged cells | the first has the value, the others are empty, and a warning names them |
//! | a number with the format of a date | a date in UTC, in the date system of the workbook |
//! | a number with the format of a percentage, or with leading zeros | a cell of its own kind, which the caller's options decide about |
//! | an error value, such as `#REF!` | an error of its row |
//! | hidden sheets, rows and columns | hidden rows and columns are read as others; a hidden sheet only if it is named |
//!
//! A row that is not blank is in memory at a time, and the shared texts of the workbook, which are at most 256 MiB and
//! 2,000,000.

mod archive;
mod markup;
mod merged_cells;
mod number_format;
mod sheet_rows;
mod workbook;
mod workbook_error;
mod writer;

pub use sheet_rows::SheetRows;
pub use workbook::Workbook;
pub use writer::{MAX_CELL_LENGTH, MAX_SHEET_RECORDS, SheetWriter, WorkbookError, WorkbookWriter};
