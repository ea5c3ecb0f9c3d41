//! The content of an uploaded table: its columns, its valid rows, and those that fail.

use std::fs::File;

use console::{ColumnChoice, MAX_TABLE_ROWS, TableFormat, TableOptions};
use import::{
    RecordKind,
    csv::{CsvOptions, CsvRows, Delimiter, TextEncoding},
    table::{
        DateOrder, DecimalMark, Mapping, MappingOptions, Percent, RowDraft, TableRows, ValueMap, ValueOptions,
        settable_fields,
    },
    xlsx::Workbook,
};
use serde_json::Value;

use crate::{
    failure::Failure,
    operations::{DraftFailures, KeptRows, MAX_FAILED_ROWS, TableDraftWriter, TableDrafts},
};

/// The number of records that are shown.
const SAMPLE_ROWS: usize = 5;

/// The maximum length of a value that is shown, in characters.
const SAMPLE_LENGTH: usize = 120;

/// The content of a table.
pub(super) struct TableContent {
    pub(super) columns: Vec<ColumnChoice>,
    pub(super) fields: Vec<String>,
    pub(super) missing_fields: Vec<String>,
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
    file: File,
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
            let mut workbook = Workbook::open(file)?;
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
    mapping_options.chosen.get_or_insert_with(|| Mapping::suggested(kind, &header));
    mapping_options.values.has_local_numbers = rows.has_local_numbers();
    let mapping = Mapping::new(kind, &header, &mapping_options);
    let mut kept = KeptRows::new()?;
    kept.set_header(&header, mapping_options.values.has_local_numbers);
    let columns = mapping.columns().into_iter().map(|column| {
        let import::table::TableColumn { letters, header, field } = column;
        ColumnChoice { letters, header, field }
    });
    let mut content = TableContent {
        columns: columns.collect(),
        fields: settable_fields(kind),
        missing_fields: mapping.fields_without_column(),
        sample: Vec::new(),
        warnings: Vec::new(),
        rows: 0,
        problem: (!mapping.errors().is_empty()).then(|| mapping.errors().join("; ")),
        drafts: TableDraftWriter::new(kind)?.finish()?,
        failures: DraftFailures::listing(MAX_FAILED_ROWS),
        kept,
    };
    if content.problem.is_none() {
        content.add_rows(kind, &mapping, rows)?;
    }
    Ok(content)
}

impl TableContent {
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
    let excerpt = |text: String| match text.char_indices().nth(SAMPLE_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    draft.draft.fields.iter().map(|(name, value)| (name.clone(), excerpt(text(value)))).collect()
}

fn mapping_options(options: &TableOptions) -> Result<MappingOptions, Failure> {
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
        values: ValueOptions { date_order, decimal_mark, has_local_numbers: false, percent },
    })
}
