//! Parsing of the files into records.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use findings::NewFinding;
use import::{bundle, sarif};
use kernel::Kind;

use crate::{
    cli::import::summary::FailedLine,
    failure::{Failure, ResultExt as _},
    operations::Registers,
};

/// The format of the files.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Sarif,
    Bundle,
}

/// The records of all files.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) registers: Registers,
    pub(super) findings: Vec<NewFinding>,
    pub(super) failures: Vec<FailedLine>,
    /// Number of results in a scan that are not findings: passed, suppressed or gone.
    pub(super) skipped: usize,
    seen: HashSet<(Kind, String)>,
}

impl Content {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that can't be read or does not have the format.
    pub(super) fn read(files: &[PathBuf], format: Format) -> Result<Self, Failure> {
        let mut content = Self::default();
        for path in files {
            let bytes = std::fs::read(path).context(|| format!("can't read {}", path.display()))?;
            // Failures name their file only if there are several.
            let displayed_path = (files.len() > 1).then_some(path.as_path());
            match format {
                Format::Sarif => content.add_scan(&bytes, path, displayed_path)?,
                Format::Bundle => content.add_bundle(&bytes, path, displayed_path)?,
            }
        }
        Ok(content)
    }

    /// Number of valid records.
    pub(super) fn len(&self) -> usize {
        self.registers.len() + self.findings.len()
    }

    fn add_scan(&mut self, bytes: &[u8], path: &Path, displayed_path: Option<&Path>) -> Result<(), Failure> {
        let scan = sarif::read(bytes).context(|| path.display().to_string())?;
        let sarif::Skipped { passed, suppressed, gone } = scan.skipped;
        self.skipped += passed + suppressed + gone;
        self.findings.extend(scan.findings.into_iter().map(|located| located.record));
        self.failures.extend(scan.failures.into_iter().map(|failure| FailedLine::new(displayed_path, failure)));
        Ok(())
    }

    fn add_bundle(&mut self, bytes: &[u8], path: &Path, displayed_path: Option<&Path>) -> Result<(), Failure> {
        let bundle = bundle::read(bytes).context(|| path.display().to_string())?;
        for located in bundle.records {
            // `bundle::read` rejects repeated keys within a file; here they are rejected across files.
            let (kind, key) = (located.record.kind(), located.record.key().to_string());
            if !self.seen.insert((kind, key.clone())) {
                let message = format!("another of the files contains a {kind} with this key already");
                let failure = import::ImportFailure { position: located.position, key: Some(key), message };
                self.failures.push(FailedLine::new(displayed_path, failure));
                continue;
            }
            self.findings.extend(self.registers.add(located.record));
        }
        self.failures.extend(bundle.failures.into_iter().map(|failure| FailedLine::new(displayed_path, failure)));
        Ok(())
    }
}
