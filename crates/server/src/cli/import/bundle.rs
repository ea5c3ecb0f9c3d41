//! The files of bundles, read line by line, as often as their records need.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufReader, Seek as _},
};

use import::{
    CheckedDraft, RecordKind, Unreadable,
    bundle::{InvalidLine, Line, Lines, read_line, too_long},
};
use kernel::Kind;

use super::input::Input;
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{DraftFailures, DraftSource, PendingDraft},
};

/// The maximum number of lines of all files. Each takes a byte of memory, and more while records of its kind are written.
const MAX_LINES: usize = 10_000_000;

/// The size of the buffer that files are read through, in bytes.
const BUFFER: usize = 256 * 1024;

/// The state of a line that is not imported, or not any more.
const SETTLED: u8 = u8::MAX;

/// The lines of all files.
#[derive(Debug)]
pub(super) struct Bundle {
    inputs: Vec<Input>,
    files: Vec<File>,
    /// For each line, the index of its kind in [`RecordKind::all`], or [`SETTLED`].
    states: Vec<u8>,
    records: usize,
    /// The files without a line, as warnings.
    warnings: Vec<String>,
    /// The reader of the current file, and the index of the file.
    lines: Option<(usize, Lines<BufReader<File>>)>,
    /// The index of the next line among those of all files.
    next: usize,
}

impl Bundle {
    /// Reads the files once, and finds the lines that are no valid records.
    ///
    /// # Errors
    /// The first file that can't be read or is no bundle.
    pub(super) fn read(inputs: Vec<Input>) -> Result<(Self, DraftFailures), Failure> {
        let files = inputs.iter().map(Input::open).collect::<Result<Vec<File>, Failure>>()?;
        let mut bundle =
            Self { inputs, files, states: Vec::new(), records: 0, warnings: Vec::new(), lines: None, next: 0 };
        let mut failures = DraftFailures::default();
        for file in 0..bundle.files.len() {
            bundle.check_file(file, &mut failures)?;
        }
        Ok((bundle, failures))
    }

    /// The number of valid records.
    pub(super) const fn len(&self) -> usize {
        self.records
    }

    /// The conditions that concern files as a whole.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The files.
    pub(super) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn check_file(&mut self, file: usize, failures: &mut DraftFailures) -> Result<(), Failure> {
        let mut lines = self.open(file)?;
        let name = self.inputs[file].name();
        let (mut has_object, mut first_failure, first_line) = (false, None, self.states.len());
        while let Some((number, line)) = lines.next_line().context(|| name.clone())? {
            if self.states.len() == MAX_LINES {
                return Err(Failure::new(format!("there are more than {MAX_LINES} lines: import the files in parts")));
            }
            let state = match read(line, number) {
                Ok(draft) => {
                    has_object = true;
                    self.records += 1;
                    state_of(draft.kind)
                }
                Err(InvalidLine { is_object, failure }) => {
                    has_object |= is_object;
                    first_failure.get_or_insert_with(|| failure.clone());
                    failures.add(file, failure);
                    SETTLED
                }
            };
            self.states.push(state);
        }
        if self.states.len() == first_line {
            self.warnings.push(self.inputs[file].prefixed("the file has no records"));
        }
        match first_failure {
            Some(first) if !has_object => {
                let error =
                    Unreadable::OtherFormat { format: "a bundle", position: first.position, message: first.message };
                Err(error).context(|| name)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, file: usize) -> Result<Lines<BufReader<File>>, Failure> {
        let name = || format!("can't read {}", self.inputs[file].name());
        let mut opened = self.files[file].try_clone().context(name)?;
        opened.rewind().context(name)?;
        Ok(Lines::new(BufReader::with_capacity(BUFFER, opened)))
    }

    fn changed(&self, file: usize) -> Failure {
        Failure::new(format!("{} was changed while it was imported: import it again", self.inputs[file].name()))
    }
}

fn read(line: Line<'_>, number: usize) -> Result<CheckedDraft, InvalidLine> {
    match line {
        Line::Complete(bytes) => read_line(bytes, number),
        Line::TooLong => Err(too_long(number)),
    }
}

fn state_of(kind: Kind) -> u8 {
    let index = RecordKind::all().iter().position(|candidate| candidate.kind == kind);
    index.and_then(|index| u8::try_from(index).ok()).unwrap_or(SETTLED)
}

fn kind_of(state: u8) -> Option<Kind> {
    RecordKind::all().get(usize::from(state)).map(|kind| kind.kind)
}

impl DraftSource for Bundle {
    fn kinds(&self) -> HashSet<Kind> {
        let states: HashSet<u8> = self.states.iter().copied().collect();
        states.into_iter().filter_map(kind_of).collect()
    }

    fn rewind(&mut self) -> Result<(), Failure> {
        self.next = 0;
        self.lines = match self.files.first() {
            Some(_) => Some((0, self.open(0)?)),
            None => None,
        };
        Ok(())
    }

    fn next_draft(&mut self, kinds: &HashSet<Kind>) -> Result<Option<PendingDraft>, Failure> {
        while let Some((file, mut lines)) = self.lines.take() {
            while let Some((number, line)) = lines.next_line().context(|| self.inputs[file].name())? {
                let index = self.next;
                self.next += 1;
                let Some(state) = self.states.get(index).copied() else { return Err(self.changed(file)) };
                let Some(kind) = kind_of(state).filter(|kind| kinds.contains(kind)) else { continue };
                let size = if let Line::Complete(bytes) = line { bytes.len() } else { 0 };
                let Ok(draft) = read(line, number) else { return Err(self.changed(file)) };
                if draft.kind != kind {
                    return Err(self.changed(file));
                }
                self.lines = Some((file, lines));
                return Ok(Some(PendingDraft { index, file, line: number, size, draft }));
            }
            if file + 1 < self.files.len() {
                self.lines = Some((file + 1, self.open(file + 1)?));
            } else if self.next != self.states.len() {
                return Err(self.changed(file));
            }
        }
        Ok(None)
    }

    fn settle(&mut self, index: usize) {
        if let Some(state) = self.states.get_mut(index) {
            *state = SETTLED;
        }
    }
}
