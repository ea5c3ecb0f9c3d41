//! Tables as CSV (RFC 4180), with the deviations that spreadsheets and their users make.
//!
//! | part | rule |
//! |---|---|
//! | encoding | UTF-8, or UTF-16 with a byte order mark; another one is named by the caller |
//! | delimiter | the one of comma, semicolon, tab and `\|` that is most frequent in the header, or that of a line `sep=;` before it; the caller may name another one |
//! | cell | with quotes around it, it may have delimiters, line ends and doubled quotes |
//! | row | has as many cells as the header; empty cells behind them are passed over |
//! | an apostrophe before a formula | removed: exports put it there |
//!
//! A quote that is not closed, and a text behind a closing quote, are errors of the whole file: no row after them can be
//! trusted.

mod decoded_text;
mod delimiter;
mod failed_rows;
mod rows;
mod written_row;

pub use decoded_text::TextEncoding;
pub use delimiter::Delimiter;
pub use failed_rows::FailedRow;
pub use rows::{CsvOptions, CsvRows};
pub use written_row::written_row;
