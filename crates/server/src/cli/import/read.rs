//! Files into records.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use findings::NewFinding;
use import::{bundle, sarif};
use registers::Control;

use crate::{
    cli::import::summary::FailedLine,
    failure::{Context as _, Failure},
};

/// What the files should be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Sarif,
    Bundle,
}

/// All that the files hold.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) controls: Vec<Control>,
    pub(super) findings: Vec<NewFinding>,
    pub(super) failures: Vec<FailedLine>,
    /// What a scan lists that is no finding.
    pub(super) passed_over: usize,
    seen: HashSet<(&'static str, String)>,
}

impl Content {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that can't be opened or is not of the format.
    pub(super) fn read(files: &[PathBuf], format: Format) -> Result<Self, Failure> {
        let mut content = Self::default();
        for path in files {
            let bytes = std::fs::read(path).or_fail(|| format!("can't read {}", path.display()))?;
            // One file needs no name on its lines.
            let named = (files.len() > 1).then_some(path.as_path());
            match format {
                Format::Sarif => content.add_scan(&bytes, path, named)?,
                Format::Bundle => content.add_bundle(&bytes, path, named)?,
            }
        }
        Ok(content)
    }

    /// How many records can be written.
    pub(super) fn len(&self) -> usize {
        self.controls.len() + self.findings.len()
    }

    fn add_scan(&mut self, bytes: &[u8], path: &Path, named: Option<&Path>) -> Result<(), Failure> {
        let scan = sarif::read(bytes).or_fail(|| path.display().to_string())?;
        let sarif::Skipped { passed, suppressed, gone } = scan.skipped;
        self.passed_over += passed + suppressed + gone;
        self.findings.extend(scan.findings.into_iter().map(|placed| placed.record));
        self.failures.extend(scan.failures.into_iter().map(|failure| FailedLine::new(named, failure)));
        Ok(())
    }

    fn add_bundle(&mut self, bytes: &[u8], path: &Path, named: Option<&Path>) -> Result<(), Failure> {
        let bundle = bundle::read(bytes).or_fail(|| path.display().to_string())?;
        for placed in bundle.records {
            // Within a file the bundle looks to it; two files may undo each other as well.
            let (kind, key) = (placed.record.kind(), placed.record.key().to_string());
            if !self.seen.insert((kind, key.clone())) {
                let message = format!("the {kind} of this key is in another of the files already");
                let failure = import::Failure { place: placed.place, key: Some(key), message };
                self.failures.push(FailedLine::new(named, failure));
                continue;
            }
            match placed.record {
                bundle::Record::Control(control) => self.controls.push(control),
                bundle::Record::Finding(finding) => self.findings.push(finding),
            }
        }
        self.failures.extend(bundle.failures.into_iter().map(|failure| FailedLine::new(named, failure)));
        Ok(())
    }
}
