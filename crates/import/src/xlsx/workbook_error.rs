//! The errors of workbooks that can't be read.

use calamine::XlsxError;

use super::archive;
use crate::{shorten, table::TableError};

/// The error of a workbook that can't be read.
pub(super) fn unreadable(error: XlsxError) -> TableError {
    match error {
        XlsxError::Zip(error) => archive::damaged(error),
        XlsxError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => TableError::Io(error),
        XlsxError::Password => TableError::refused("the workbook is encrypted with a password: save it without one"),
        error => {
            TableError::refused(format!("the workbook is cut off or damaged: {}", shorten::message(&error.to_string())))
        }
    }
}
