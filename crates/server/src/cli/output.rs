//! Output of commands on stdout: text for people, or one JSON document for scripts.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// The form in which a command prints its result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the output is text for people rather than JSON for scripts.
    pub(crate) fn is_text(self) -> bool {
        !self.json
    }

    /// Prints the result: `document` with `--json`, otherwise the text that `text` returns.
    ///
    /// # Errors
    /// When stdout can't be written.
    pub(crate) fn print(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { serde_json::to_string(document)? } else { text() };
        print_line(&text)
    }
}

/// Writes `text` to stdout with a line end, unless it is empty. A reader that has closed the pipe (`| head`) is not an
/// error.
///
/// # Errors
/// When stdout can't be written.
pub(crate) fn print_line(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("can't write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Formats rows as a table: each column is as wide as its widest cell, and each row is exactly one line.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escape_control_characters(cell)).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (index, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(index) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Escapes control characters. A name may contain tabs and line ends, with which it could imitate other rows.
fn escape_control_characters(cell: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().collect::<String>(),
        false => character.to_string(),
    };
    cell.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "long".to_owned()], vec!["bcd".to_owned(), "x".to_owned()]];
        assert_eq!(columns(&rows), "a    long\nbcd  x");
    }

    #[test]
    fn a_cell_with_line_ends_stays_on_one_line() {
        assert_eq!(columns(&[vec!["a\nsvc_1  evil".to_owned(), "é".to_owned()]]), "a\\nsvc_1  evil  é");
    }
}
