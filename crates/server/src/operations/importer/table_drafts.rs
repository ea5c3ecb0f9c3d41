//! The records of imported tables: each row is checked once, and the valid ones are kept in a temporary file, from which
//! they are read as often as their records need.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _},
};

use import::{Draft, RecordKind, table::RowDraft};
use kernel::Kind;
use serde_json::{Map, Value};

use super::drafts::{DraftSource, PendingDraft};
use crate::failure::{Failure, ResultExt as _};

/// The size of the buffer that the temporary file is read through, in bytes.
const BUFFER: usize = 256 * 1024;

/// The valid rows of tables, while they are read.
pub(crate) struct TableDraftWriter {
    kind: &'static RecordKind,
    out: BufWriter<File>,
    count: usize,
}

/// The valid rows of tables.
#[derive(Debug)]
pub(crate) struct TableDrafts {
    kind: &'static RecordKind,
    /// For each row, whether it is written or has failed.
    settled: Vec<bool>,
    file: File,
    reader: Option<BufReader<File>>,
    next: usize,
}

impl TableDraftWriter {
    /// Begins to keep rows of this kind.
    ///
    /// # Errors
    /// If the temporary file can't be created.
    pub(crate) fn new(kind: &'static RecordKind) -> Result<Self, Failure> {
        let out = BufWriter::with_capacity(BUFFER, tempfile::tempfile().context(writing)?);
        Ok(Self { kind, out, count: 0 })
    }

    /// Keeps the record of a row: the index of the file, and the line in it.
    ///
    /// # Errors
    /// If the temporary file can't be written.
    pub(crate) fn add(&mut self, file: usize, line: usize, row: RowDraft) -> Result<(), Failure> {
        let RowDraft { draft, kept_columns } = row;
        let line = serde_json::to_string(&(file, line, kept_columns, draft.fields))?;
        writeln!(self.out, "{line}").context(writing)?;
        self.count += 1;
        Ok(())
    }

    /// Ends the tables.
    ///
    /// # Errors
    /// If the temporary file can't be written.
    pub(crate) fn finish(self) -> Result<TableDrafts, Failure> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error).context(writing)?;
        Ok(TableDrafts { kind: self.kind, settled: vec![false; self.count], file, reader: None, next: 0 })
    }
}

fn writing() -> String {
    format!("can't keep the rows in a temporary file in {}", std::env::temp_dir().display())
}

fn reading() -> String {
    format!("can't read the rows in the temporary file in {}", std::env::temp_dir().display())
}

impl TableDrafts {
    /// The number of valid rows.
    pub(crate) const fn len(&self) -> usize {
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
