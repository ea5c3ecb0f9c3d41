//! The records of imported tables: each row is checked once, and the valid ones are kept in a temporary file, from which
//! they are read as often as their records need.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Seek as _, Write as _},
};

use import::{
    Draft, RecordKind,
    table::{Mapping, MappingOptions, RowDraft, TableRow, TableRows},
};
use kernel::Kind;
use serde_json::{Map, Value};

use super::{
    failed_rows::{FailedRows, MAX_FAILED_ROWS},
    input::Input,
    table_summary::TableSummary,
};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, DraftSource, MAX_LISTED_FAILURES, PendingDraft},
};

/// The maximum number of rows of all files. Each takes a byte of memory.
const MAX_ROWS: usize = 10_000_000;

/// The size of the buffer that the temporary file is read through, in bytes.
const BUFFER: usize = 256 * 1024;

/// The valid rows of tables.
#[derive(Debug)]
pub(super) struct TableDrafts {
    kind: &'static RecordKind,
    /// For each row, whether it is written or has failed.
    settled: Vec<bool>,
    file: File,
    reader: Option<BufReader<File>>,
    next: usize,
}

/// The tables of an import while they are read.
pub(super) struct TableReader<'o> {
    kind: &'static RecordKind,
    options: &'o MappingOptions,
    rows: usize,
    out: BufWriter<File>,
    count: usize,
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
            out: BufWriter::with_capacity(BUFFER, temporary_file()?),
            count: 0,
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
            Ok(RowDraft { draft, kept_columns }) => {
                let line = serde_json::to_string(&(file, row.line, kept_columns, draft.fields))?;
                writeln!(self.out, "{line}").context(writing)?;
                self.count += 1;
            }
        }
        Ok(())
    }

    /// Ends the tables. Returns their valid rows, and those of which the failed ones are to be written.
    pub(super) fn finish(self) -> Result<(TableDrafts, DraftFailures, TableSummary, Option<FailedRows>), Failure> {
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error).context(writing)?;
        let drafts = TableDrafts { kind: self.kind, settled: vec![false; self.count], file, reader: None, next: 0 };
        Ok((drafts, self.failures, self.summary, self.failed))
    }
}

fn temporary_file() -> Result<File, Failure> {
    tempfile::tempfile().context(writing)
}

fn writing() -> String {
    format!("can't keep the rows in a temporary file in {}", std::env::temp_dir().display())
}

fn reading() -> String {
    format!("can't read the rows in the temporary file in {}", std::env::temp_dir().display())
}

impl TableDrafts {
    /// The number of valid rows.
    pub(super) const fn len(&self) -> usize {
        self.settled.len()
    }
}

impl DraftSource for TableDrafts {
    fn kinds(&self) -> HashSet<Kind> {
        self.settled.iter().any(|settled| !settled).then_some(self.kind.kind).into_iter().collect()
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        let mut file = self.file.try_clone().context(reading)?;
        file.rewind().context(reading)?;
        self.reader = Some(BufReader::with_capacity(BUFFER, file));
        self.next = 0;
        Ok(())
    }

    fn next_draft(&mut self, kinds: &HashSet<Kind>) -> Result<Option<PendingDraft>, Failure> {
        let Some(reader) = self.reader.as_mut().filter(|_| kinds.contains(&self.kind.kind)) else { return Ok(None) };
        let mut line = Vec::new();
        loop {
            line.clear();
            if reader.read_until(b'\n', &mut line).context(reading)? == 0 {
                return Ok(None);
            }
            let index = self.next;
            self.next += 1;
            if self.settled.get(index).copied().unwrap_or(true) {
                continue;
            }
            let (file, number, kept_columns, fields): (usize, usize, Vec<usize>, Map<String, Value>) =
                serde_json::from_slice(&line).context(reading)?;
            let draft = Draft { kind: self.kind.kind, fields }.check_keeping(kept_columns);
            let draft =
                draft.map_err(|invalid| Failure::new(format!("{}: {}", reading(), invalid.errors.join("; "))))?;
            return Ok(Some(PendingDraft { index, file, line: number, size: line.len(), draft }));
        }
    }

    fn settle(&mut self, index: usize) {
        if let Some(settled) = self.settled.get_mut(index) {
            *settled = true;
        }
    }
}
