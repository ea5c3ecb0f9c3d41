//! Exports as a workbook.

use std::io::Write;

use import::{
    RecordKind,
    bundle::Cell,
    xlsx::{MAX_CELL_LENGTH, MAX_SHEET_RECORDS, WorkbookWriter},
};
use serde_json::Value;

use crate::{failure::Failure, operations::external_sort::ExternalSort};

/// The values of a record's row, until all records are read.
///
/// # Errors
/// If one of them is too long for a cell.
pub(super) fn line(kind: &RecordKind, cells: &[Cell]) -> Result<String, Failure> {
    for cell in cells {
        let length = match &cell.value {
            Value::String(text) => text.encode_utf16().count(),
            Value::Array(_) => cell.value.to_string().encode_utf16().count(),
            _ => 0,
        };
        if length > MAX_CELL_LENGTH {
            let key = kind.key_column().and_then(|index| cells.get(index)).and_then(|cell| cell.value.as_str());
            let of_record = key.map_or_else(String::new, |key| format!(" {key}"));
            return Err(Failure::new(format!(
                "the {} of the {}{of_record} has {length} UTF-16 units, and a cell of a workbook at most {MAX_CELL_LENGTH}: use \
                 --format csv or jsonl",
                cell.name,
                kind.title(),
            )));
        }
    }
    let values: Vec<&Value> = cells.iter().map(|cell| &cell.value).collect();
    Ok(serde_json::to_string(&values)?)
}

/// Writes a sheet for each kind.
pub(super) fn write(kinds: Vec<(&RecordKind, ExternalSort)>, out: &mut (impl Write + Send)) -> Result<(), Failure> {
    if let Some((kind, lines)) = kinds.iter().find(|(_, lines)| lines.count() > MAX_SHEET_RECORDS) {
        return Err(Failure::new(format!(
            "there are {} records of the kind {}, and a sheet has at most {MAX_SHEET_RECORDS}: use --format csv or jsonl",
            lines.count(),
            kind.name(),
        )));
    }
    let mut workbook = WorkbookWriter::default();
    for (kind, lines) in kinds {
        let mut sheet = workbook.add_sheet(kind)?;
        lines.for_each(|line| -> Result<(), Failure> {
            let values: Vec<Value> = serde_json::from_slice(line)?;
            Ok(sheet.add(&values)?)
        })?;
        sheet.finish()?;
    }
    Ok(workbook.save(out)?)
}
