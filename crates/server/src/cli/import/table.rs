//! `novantra import csv` and `novantra import xlsx`: tables of one kind of records.

use std::{fs::File, path::PathBuf};

use clap::{Args, ValueEnum};
use import::{
    csv::{CsvOptions, CsvRows, Delimiter, TextEncoding},
    table::{DateOrder, DecimalMark, MappingOptions, Percent, TableRows, TimeZone, ValueMap, ValueOptions},
    xlsx::Workbook,
};

use super::{
    Files, failed_rows::FailedRows, input::Input, refused, refused_with, summary::Summary, table_drafts::TableReader,
};
use crate::{
    cli::{CommandContext, KindsArg, print_line},
    failure::{Failure, ResultExt as _},
    operations::Importer,
};

#[derive(Debug, Args)]
pub(crate) struct Table {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    kinds: KindsArg,
    /// Columns whose headers are no names of fields, each with its field: FIELD=COLUMN, where COLUMN is the header or the
    /// letters of the column. May be repeated.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    map: Vec<String>,
    /// A value of a field in the table, and the one that it stands for: status:Open=identified. Without the first, it is that
    /// of empty cells. May be repeated.
    #[arg(long, value_name = "FIELD:VALUE=VALUE", value_parser = ValueMap::parse)]
    map_value: Vec<ValueMap>,
    /// Leave out the columns that are no fields.
    #[arg(long)]
    ignore_unknown: bool,
    /// The row of the header [default: the first that is not blank]
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(u32).range(1..))]
    header_row: Option<u32>,
    /// The order of day, month and year in dates such as 3/4/2026.
    #[arg(long, value_enum, value_name = "ORDER")]
    date_format: Option<DateFormat>,
    /// The time zone of dates without an offset, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "NAME", value_parser = TimeZone::parse)]
    zone: Option<TimeZone>,
    /// The decimal mark of numbers that are texts, such as 1,234.
    #[arg(long, value_enum, value_name = "MARK")]
    decimal: Option<Decimal>,
    /// The meaning of percentages: 4.5 for 4.5% as shown, or 0.045 as a fraction.
    #[arg(long, value_enum, value_name = "MEANING")]
    percent: Option<PercentMeaning>,
    /// A CSV file for the rows that fail, with the reasons in a last column, to correct and import. It must not exist yet, and is
    /// written only if rows fail.
    #[arg(long, value_name = "FILE")]
    failed: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Csv {
    #[command(flatten)]
    table: Table,
    /// The character between cells: comma, semicolon, tab, pipe, or the character itself [default: the one in the header]
    #[arg(long, value_name = "DELIMITER", value_parser = Delimiter::parse)]
    delimiter: Option<Delimiter>,
    /// The encoding, such as windows-1252 [default: UTF-8, or that of the byte order mark]
    #[arg(long, value_name = "ENCODING", value_parser = TextEncoding::parse)]
    encoding: Option<TextEncoding>,
}

#[derive(Debug, Args)]
pub(crate) struct Xlsx {
    #[command(flatten)]
    table: Table,
    /// The sheet [default: the one that is named after the kind, or the only visible one with rows]
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DateFormat {
    Dmy,
    Mdy,
    Ymd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Decimal {
    Point,
    Comma,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PercentMeaning {
    AsShown,
    AsFraction,
}

impl From<PercentMeaning> for Percent {
    fn from(meaning: PercentMeaning) -> Self {
        match meaning {
            PercentMeaning::AsShown => Self::AsShown,
            PercentMeaning::AsFraction => Self::AsFraction,
        }
    }
}

impl From<DateFormat> for DateOrder {
    fn from(format: DateFormat) -> Self {
        match format {
            DateFormat::Dmy => Self::DayFirst,
            DateFormat::Mdy => Self::MonthFirst,
            DateFormat::Ymd => Self::YearFirst,
        }
    }
}

impl From<Decimal> for DecimalMark {
    fn from(mark: Decimal) -> Self {
        match mark {
            Decimal::Point => Self::Point,
            Decimal::Comma => Self::Comma,
        }
    }
}

impl Csv {
    pub(super) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let options =
            CsvOptions { encoding: self.encoding, delimiter: self.delimiter, header_line: self.table.header_row() };
        let open = |file: File, input: &Input, read: &mut dyn FnMut(&mut dyn TableRows) -> Result<(), Failure>| {
            let mut rows = CsvRows::open(file, options).context(|| input.name())?;
            read(&mut rows).map(|()| None)
        };
        self.table.run(context, "import csv", open).await
    }
}

impl Xlsx {
    pub(super) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let kind = self.table.kinds.only("import xlsx")?.name();
        let header_row = self.table.header_row();
        let open = |file: File, input: &Input, read: &mut dyn FnMut(&mut dyn TableRows) -> Result<(), Failure>| {
            let name = || input.name();
            let mut workbook = Workbook::open(file).context(name)?;
            let sheet = workbook.find_sheet(self.sheet.as_deref(), &kind).context(name)?;
            read(&mut workbook.rows(&sheet, header_row).context(name)?)?;
            workbook.merged_cells(&sheet, header_row).context(name)
        };
        self.table.run(context, "import xlsx", open).await
    }
}

impl Table {
    fn header_row(&self) -> Option<usize> {
        self.header_row.and_then(|row| usize::try_from(row).ok())
    }

    fn options(&self) -> Result<MappingOptions, Failure> {
        let mut columns = Vec::new();
        for map in &self.map {
            columns
                .extend(MappingOptions::parse_columns(map).map_err(|error| Failure::usage(format!("--map {error}")))?);
        }
        let values = ValueOptions {
            zone: self.zone.clone().unwrap_or_default(),
            date_order: self.date_format.map(DateOrder::from),
            decimal_mark: self.decimal.map(DecimalMark::from),
            has_local_numbers: false,
            percent: self.percent.map(Percent::from),
        };
        let value_maps = self.map_value.clone();
        Ok(MappingOptions { columns, chosen: None, value_maps, ignores_unknown: self.ignore_unknown, values })
    }

    /// Imports the files. `open` passes the rows of each to a function, and returns a warning.
    async fn run(
        &self,
        context: &CommandContext,
        command: &'static str,
        open: impl Fn(
            File,
            &Input,
            &mut dyn FnMut(&mut dyn TableRows) -> Result<(), Failure>,
        ) -> Result<Option<String>, Failure>,
    ) -> Result<(), Failure> {
        let kind = self.kinds.only(command)?;
        let options = self.options()?;
        let inputs = self.files.inputs()?;
        if self.failed.is_some() && inputs.len() > 1 {
            return Err(Failure::usage("--failed: import the files one by one: their columns may differ"));
        }
        let failed = self.failed.as_deref().map(FailedRows::new).transpose()?;
        let mut reader = TableReader::new(kind, &options, failed, self.header_row)?;
        for (index, input) in inputs.iter().enumerate() {
            let file = input.open().map_err(|failure| refused(context, failure))?;
            let warning = open(file, input, &mut |rows| reader.read(index, input, rows));
            let warning = warning.map_err(|failure| refused(context, failure))?;
            reader.summary.warnings.extend(warning.iter().map(|warning| input.prefixed(warning)));
        }
        if !reader.errors.is_empty() {
            let failure = Failure::new(reader.errors.join("; "));
            if context.output.is_text() && self.files.dry_run {
                print_line(&reader.summary.lines(true).join("\n"))?;
                return Err(failure);
            }
            let summary = Summary { table: Some(reader.summary), ..Summary::of_refused() };
            return Err(refused_with(context, &summary, failure));
        }
        let (mut drafts, failures, mut summary, failed) = reader.finish()?;
        let records = drafts.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            let (counts, failures) = importer.import_drafts(&mut drafts, failures, report).await?;
            if let Some(failed) = failed {
                summary.failed_rows = failed.write(&failures)?;
            }
            Ok(Summary { table: Some(summary), ..Summary::of_drafts(counts, failures, &inputs) })
        };
        self.files.import(context, command, records, write).await
    }
}
