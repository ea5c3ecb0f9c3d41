//! The content of an uploaded table: its columns, its valid rows, and those that fail.

use console::{ColumnChoice, MAX_TABLE_ROWS, TableFormat, TableOptions, TakenOver};
use import::{
    RecordKind,
    csv::{CsvOptions, CsvRows, Delimiter, TextEncoding},
    table::{
        DateOrder, DecimalMark, Mapping, MappingOptions, Percent, RowDraft, TableCell, TableRow, TableRows, TimeZone,
        ValueMap, ValueOptions, settable_fields,
    },
    xlsx::Workbook,
};
use serde_json::Value;

use super::reading::LimitedFile;
use crate::{
    failure::Failure,
    operations::{DraftFailures, KeptRows, MAX_FAILED_ROWS, TableDraftWriter, TableDrafts},
};

/// The number of records of which those that do not fail are shown.
const SAMPLE_ROWS: usize = 200;

/// The number of values of a column that are shown.
const SAMPLE_VALUES: usize = 3;

/// The maximum length of a value that is shown, in characters: of a record, and of a column.
const SAMPLE_LENGTH: usize = 120;
const VALUE_LENGTH: usize = 40;

/// The maximum size of all parts of a workbook when they are unpacked, in bytes: 50 times the size of the largest upload,
/// where tables unpack to 10 or 20 times theirs.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;

/// The content of a table.
pub(super) struct TableContent {
    pub(super) columns: Vec<ColumnChoice>,
    pub(super) fields: Vec<String>,
    pub(super) missing_fields: Vec<String>,
    pub(super) needed_fields: Vec<String>,
    pub(super) sample: Vec<(usize, Vec<(String, String)>)>,
    pub(super) warnings: Vec<String>,
    /// The number of rows.
    pub(super) rows: usize,
    /// The reason why no row can be imported.
    pub(super) problem: Option<String>,
    pub(super) drafts: TableDrafts,
    pub(super) failures: DraftFailures,
    pub(super) kept: KeptRows,
}

/// Reads the table.
///
/// # Errors
/// If it can't be read, or an option is no such value.
pub(super) fn read(
    file: LimitedFile,
    kind: &'static RecordKind,
    format: TableFormat,
    options: &TableOptions,
) -> Result<TableContent, Failure> {
    let header_row = match options.header_row.trim() {
        "" => None,
        row => Some(
            row.parse()
                .ok()
                .filter(|row: &usize| (1..=1_000_000).contains(row))
                .ok_or_else(|| Failure::new("“Row of the header” must be the number of a row, from 1"))?,
        ),
    };
    match format {
        TableFormat::Csv => {
            let parsed = |name: &str, error: String| Failure::new(format!("“{name}” {error}"));
            let delimiter = text(&options.delimiter).map(Delimiter::parse).transpose();
            let encoding = text(&options.encoding).map(TextEncoding::parse).transpose();
            let options_of_csv = CsvOptions {
                delimiter: delimiter.map_err(|error| parsed("Delimiter", error))?,
                encoding: encoding.map_err(|error| parsed("Encoding", error))?,
                header_line: header_row,
            };
            read_rows(kind, options, &mut CsvRows::open(file, options_of_csv)?)
        }
        TableFormat::Xlsx => {
            let mut workbook = Workbook::open_within(file, MAX_UNPACKED)?;
            let sheet = workbook.find_sheet(text(&options.sheet), &kind.name())?;
            let mut content = read_rows(kind, options, &mut workbook.rows(&sheet, header_row)?)?;
            content.warnings.extend(workbook.merged_cells(&sheet, header_row)?);
            Ok(content)
        }
    }
}

fn text(option: &str) -> Option<&str> {
    Some(option.trim()).filter(|option| !option.is_empty())
}

fn read_rows(
    kind: &'static RecordKind,
    options: &TableOptions,
    rows: &mut dyn TableRows,
) -> Result<TableContent, Failure> {
    let Some(header) = rows.next_row()? else {
        return Err(Failure::new("the file is empty, or has no row from the row of the header on"));
    };
    let mut mapping_options = mapping_options(options)?;
    let suggested = || {
        let suggested = Mapping::suggested(kind, &header);
        options.taken_over.as_ref().map_or(suggested.clone(), |taken| taken_columns(taken, &header, suggested))
    };
    mapping_options.chosen.get_or_insert_with(suggested);
    mapping_options.values.has_local_numbers = rows.has_local_numbers();
    let mapping = Mapping::new(kind, &header, &mapping_options);
    let mut kept = KeptRows::new()?;
    kept.set_header(&header, mapping_options.values.has_local_numbers);
    let columns = mapping.columns().into_iter().map(|column| {
        let import::table::TableColumn { letters, header, field } = column;
        ColumnChoice { letters, header, field, values: Vec::new() }
    });
    let mut content = TableContent {
        columns: columns.collect(),
        fields: settable_fields(kind),
        missing_fields: mapping.fields_without_column(),
        needed_fields: mapping.needed_fields(),
        sample: Vec::new(),
        warnings: Vec::new(),
        rows: 0,
        problem: (!mapping.errors().is_empty()).then(|| mapping.errors().join("; ")),
        drafts: TableDraftWriter::new(kind)?.finish()?,
        failures: DraftFailures::listing(MAX_FAILED_ROWS),
        kept,
    };
    if content.columns.iter().filter(|column| column.header.is_empty()).count() * 2 > content.columns.len() {
        let message = "most columns have no header: if the names of the columns stand in another row, such as below a title, say which it is at “Row of the header”";
        content.warnings.push(message.to_owned());
    }
    match content.problem {
        None => content.add_rows(kind, &mapping, rows)?,
        // The values help to choose the columns.
        Some(_) => content.add_values(rows)?,
    }
    Ok(content)
}

/// The fields of the columns as another import has them, by their headers; for other headers, those that are suggested.
fn taken_columns(taken: &TakenOver, header: &TableRow, suggested: Vec<Option<String>>) -> Vec<Option<String>> {
    let mut left: Vec<Option<&(String, Option<String>)>> = taken.columns.iter().map(Some).collect();
    let mut take = |header: &str| {
        let same = left.iter_mut().find(|column| column.is_some_and(|(other, _)| other == header));
        same.and_then(Option::take)
    };
    let texts = header.cells.iter().map(TableCell::header);
    let chosen: Vec<_> = texts.map(|text| take(&text)).collect();
    let fields: Vec<&String> = chosen.iter().flatten().filter_map(|(_, field)| field.as_ref()).collect();
    let is_free = |field: &String| !fields.contains(&field);
    let chosen = chosen.iter().zip(suggested);
    chosen.map(|(taken, suggested)| taken.map_or(suggested.filter(is_free), |(_, field)| field.clone())).collect()
}

impl TableContent {
    /// Adds the values of a row to those of the columns.
    fn add_values_of(&mut self, row: &TableRow) {
        for (column, cell) in self.columns.iter_mut().zip(&row.cells) {
            if column.values.len() == SAMPLE_VALUES {
                continue;
            }
            let shown = cell.shown().unwrap_or_default();
            let shown = excerpt(shown.trim(), VALUE_LENGTH);
            if !shown.is_empty() && !column.values.contains(&shown) {
                column.values.push(shown);
            }
        }
    }

    /// Reads the first rows only for the values of the columns. What is wrong with them is said once the columns are chosen.
    fn add_values(&mut self, rows: &mut dyn TableRows) -> Result<(), Failure> {
        for _ in 0..SAMPLE_ROWS {
            let Some(row) = rows.next_row()? else { break };
            self.add_values_of(&row);
        }
        Ok(())
    }

    fn add_rows(
        &mut self,
        kind: &'static RecordKind,
        mapping: &Mapping,
        rows: &mut dyn TableRows,
    ) -> Result<(), Failure> {
        let mut drafts = TableDraftWriter::new(kind)?;
        while let Some(row) = rows.next_row()? {
            self.rows += 1;
            if self.rows > MAX_TABLE_ROWS {
                return Err(Failure::new(format!(
                    "the table has more than {MAX_TABLE_ROWS} rows: import it in parts, or with the command novantra import"
                )));
            }
            self.kept.add(&row)?;
            self.add_values_of(&row);
            match mapping.read_row(&row) {
                Err(failure) => self.failures.add(0, failure),
                Ok(draft) => {
                    if self.sample.len() < SAMPLE_ROWS {
                        self.sample.push((row.line, shown(&draft)));
                    }
                    drafts.add(0, row.line, draft)?;
                }
            }
        }
        self.drafts = drafts.finish()?;
        if self.rows == 0 {
            self.problem = Some("the table has a header and no other row".to_owned());
        }
        Ok(())
    }
}

/// The values of a record's fields, as far as they are shown.
fn shown(draft: &RowDraft) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    draft.draft.fields.iter().map(|(name, value)| (name.clone(), excerpt(&text(value), SAMPLE_LENGTH))).collect()
}

/// The text, or its beginning.
fn excerpt(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn mapping_options(options: &TableOptions) -> Result<MappingOptions, Failure> {
    let zone = text(&options.zone).map(TimeZone::parse).transpose();
    let zone =
        zone.map_err(|error| Failure::new(format!("the time zone of the workspace: {error}")))?.unwrap_or_default();
    let date_order = match text(&options.date_order) {
        None => None,
        Some("dmy") => Some(DateOrder::DayFirst),
        Some("mdy") => Some(DateOrder::MonthFirst),
        Some("ymd") => Some(DateOrder::YearFirst),
        Some(_) => return Err(Failure::new("“Order of dates” must be one of those that the page offers")),
    };
    let decimal_mark = match text(&options.decimal_mark) {
        None => None,
        Some("point") => Some(DecimalMark::Point),
        Some("comma") => Some(DecimalMark::Comma),
        Some(_) => return Err(Failure::new("“Decimal mark” must be one of those that the page offers")),
    };
    let percent = match text(&options.percent) {
        None => None,
        Some("as-shown") => Some(Percent::AsShown),
        Some("as-fraction") => Some(Percent::AsFraction),
        Some(_) => return Err(Failure::new("“Percentages” must be one of those that the page offers")),
    };
    let value_maps = options.values.lines().filter_map(text).map(|line| {
        ValueMap::parse(line).map_err(|error| Failure::new(format!("“Values that stand for others”: {line}: {error}")))
    });
    Ok(MappingOptions {
        columns: Vec::new(),
        chosen: options.columns.clone(),
        value_maps: value_maps.collect::<Result<_, _>>()?,
        ignores_unknown: true,
        values: ValueOptions { zone, date_order, decimal_mark, has_local_numbers: false, percent },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_taken_over_by_their_headers_and_others_have_the_fields_of_their_names() {
        let column = |header: &str, field: Option<&str>| (header.to_owned(), field.map(str::to_owned));
        let columns = vec![
            column("Ref", Some("riskKey")),
            column("Name", Some("title")),
            column("Status", None),
            column("", Some("description")),
        ];
        let taken = TakenOver { file_name: "risks.csv".to_owned(), columns };
        let headers = ["Name", " Ref", "Status", "", "Title", "Import error"];
        let cells = headers.map(|header| TableCell::Text(header.to_owned())).to_vec();
        let header = TableRow { cells, ..TableRow::default() };
        let kind = RecordKind::from_name("risk").unwrap();
        let chosen = taken_columns(&taken, &header, Mapping::suggested(kind, &header));
        let chosen: Vec<Option<&str>> = chosen.iter().map(Option::as_deref).collect();
        assert_eq!(chosen, [Some("title"), Some("riskKey"), None, Some("description"), None, None]);
    }
}
