//! The tables of an import while their rows are read and checked.

use import::{
    RecordKind,
    table::{Mapping, MappingOptions, TableRow, TableRows},
};

use super::{failed_rows::FailedRows, input::Input, table_summary::TableSummary};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, MAX_FAILED_ROWS, MAX_LISTED_FAILURES, TableDraftWriter, TableDrafts},
};

/// The maximum number of rows of all files. Each takes a byte of memory.
const MAX_ROWS: usize = 10_000_000;

/// The tables of an import while they are read.
pub(super) struct TableReader<'o> {
    kind: &'static RecordKind,
    options: &'o MappingOptions,
    rows: usize,
    out: TableDraftWriter,
    failed: Option<FailedRows>,
    header_row: Option<u32>,
    pub(super) failures: DraftFailures,
    pub(super) summary: TableSummary,
    /// The errors of tables none of whose rows can be used.
    pub(super) errors: Vec<String>,
}

impl<'o> TableReader<'o> {
    /// Begins to read tables. `failed` gets the rows; `header_row` is the row that the caller has named.
    pub(super) fn new(
        kind: &'static RecordKind,
        options: &'o MappingOptions,
        failed: Option<FailedRows>,
        header_row: Option<u32>,
    ) -> Result<Self, Failure> {
        let max_listed = if failed.is_some() { MAX_FAILED_ROWS } else { MAX_LISTED_FAILURES };
        Ok(Self {
            kind,
            options,
            rows: 0,
            out: TableDraftWriter::new(kind)?,
            failed,
            header_row,
            failures: DraftFailures::listing(max_listed),
            summary: TableSummary::default(),
            errors: Vec::new(),
        })
    }

    /// Reads the rows of a file.
    ///
    /// # Errors
    /// If the rows can't be read, or not all of them.
    pub(super) fn read(&mut self, file: usize, input: &Input, rows: &mut dyn TableRows) -> Result<(), Failure> {
        let name = || input.name();
        let Some(header) = rows.next_row().context(name)? else {
            return Err(Failure::new(match self.header_row {
                Some(row) if row > 1 => {
                    format!("{}: there is no row from --header-row {row} on, or none with a value", input.name())
                }
                _ => format!("{}: the file is empty: its first row must name the fields", input.name()),
            }));
        };
        let mut options = self.options.clone();
        options.values.has_local_numbers = rows.has_local_numbers();
        let mapping = Mapping::new(self.kind, &header, &options);
        self.summary.add(input, &mapping, &options.value_maps);
        if let Some(failed) = &mut self.failed {
            failed.set_header(&header, options.values.has_local_numbers);
        }
        if !mapping.errors().is_empty() {
            self.errors.push(format!("{}: {}", input.name(), mapping.errors().join("; ")));
            return Ok(());
        }
        while let Some(row) = rows.next_row().context(name)? {
            self.add(file, &mapping, &row)?;
        }
        Ok(())
    }

    fn add(&mut self, file: usize, mapping: &Mapping, row: &TableRow) -> Result<(), Failure> {
        self.rows += 1;
        if self.rows > MAX_ROWS {
            return Err(Failure::new(format!("there are more than {MAX_ROWS} rows: import the files in parts")));
        }
        self.summary.add_row(mapping, row);
        if let Some(failed) = &mut self.failed {
            failed.add(row)?;
        }
        match mapping.read_row(row) {
            Err(failure) => self.failures.add(file, failure),
            Ok(draft) => self.out.add(file, row.line, draft)?,
        }
        Ok(())
    }

    /// Ends the tables. Returns their valid rows, and those of which the failed ones are to be written.
    pub(super) fn finish(self) -> Result<(TableDrafts, DraftFailures, TableSummary, Option<FailedRows>), Failure> {
        Ok((self.out.finish()?, self.failures, self.summary, self.failed))
    }
}
