//! The rows of written files.

use super::delimiter::Delimiter;

/// A row as RFC 4180 has it, with its end. Cells with a quote, a line end, or a character at which a spreadsheet may split
/// the line are quoted.
#[must_use]
pub fn written_row(cells: impl Iterator<Item = String>, delimiter: Delimiter) -> String {
    let separator = char::from(delimiter.byte());
    let is_special =
        |character: char| matches!(character, '"' | '\r' | '\n' | ',' | ';' | '\t') || character == separator;
    let cells = cells.map(|cell| if cell.contains(is_special) { quoted(&cell) } else { cell });
    format!("{}\r\n", cells.collect::<Vec<_>>().join(&delimiter.to_string()))
}

/// A cell with quotes around it.
pub(crate) fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}
