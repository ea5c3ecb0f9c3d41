//! `novantra import csv` and `novantra import xlsx`: tables of one kind of records.

use std::fs::File;

use clap::{Args, ValueEnum};
use import::{
    csv::{CsvOptions, CsvRows, Delimiter, TextEncoding},
    table::{DateOrder, DecimalMark, MappingOptions, TableRows, ValueOptions},
    xlsx::Workbook,
};

use super::{Files, input::Input, summary::Summary, table_drafts::TableReader};
use crate::{
    cli::{CommandContext, KindsArg},
    failure::{Failure, ResultExt as _},
    operations::Importer,
};

#[derive(Debug, Args)]
pub(crate) struct Table {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    kinds: KindsArg,
    /// Columns whose headers are no names of fields, each with its field: FIELD=COLUMN. May be repeated.
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    map: Vec<String>,
    /// Leave out the columns that are no fields.
    #[arg(long)]
    ignore_unknown: bool,
    /// The row of the header [default: the first that is not blank]
    #[arg(long, value_name = "ROW", value_parser = clap::value_parser!(u32).range(1..))]
    header_row: Option<u32>,
    /// The order of day, month and year in dates such as 3/4/2026.
    #[arg(long, value_enum, value_name = "ORDER")]
    date_format: Option<DateFormat>,
    /// The decimal mark of numbers that are texts, such as 1,234.
    #[arg(long, value_enum, value_name = "MARK")]
    decimal: Option<Decimal>,
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
            read(&mut rows).map(|()| Vec::new())
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
            date_order: self.date_format.map(DateOrder::from),
            decimal_mark: self.decimal.map(DecimalMark::from),
            has_local_numbers: false,
        };
        Ok(MappingOptions { columns, ignores_unknown: self.ignore_unknown, values })
    }

    /// Imports the files. `open` passes the rows of each to a function, and returns warnings.
    async fn run(
        &self,
        context: &CommandContext,
        command: &'static str,
        open: impl Fn(
            File,
            &Input,
            &mut dyn FnMut(&mut dyn TableRows) -> Result<(), Failure>,
        ) -> Result<Vec<String>, Failure>,
    ) -> Result<(), Failure> {
        let kind = self.kinds.only(command)?;
        let options = self.options()?;
        let inputs = self.files.inputs()?;
        let mut reader = TableReader::new(kind, &options)?;
        for (index, input) in inputs.iter().enumerate() {
            let warnings = open(input.open()?, input, &mut |rows| reader.read(index, input, rows))?;
            reader.summary.warnings.extend(warnings.iter().map(|warning| input.prefixed(warning)));
        }
        if !reader.errors.is_empty() {
            let failure = Failure::new(reader.errors.join("; "));
            if self.files.dry_run {
                let lines = || reader.summary.lines(true).join("\n");
                context.output.print(&reader.summary.document(), lines)?;
            }
            return Err(failure);
        }
        let (mut drafts, failures, summary, kept) = reader.finish()?;
        let records = drafts.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            let (counts, failures) = importer.keeping(kept).import_drafts(&mut drafts, failures, report).await?;
            Ok(Summary { table: Some(summary), ..Summary::of_drafts(counts, failures, &inputs) })
        };
        self.files.import(context, command, records, write).await
    }
}
