//! The import of bundles.

use std::collections::HashSet;

use findings::NewFinding;
use import::bundle;
use kernel::Kind;

use super::{
    input::Input,
    summary::{FailedLine, Summary},
};
use crate::{
    failure::{Failure, ResultExt as _},
    operations::{Importer, Registers},
};

/// The records of all files.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    registers: Registers,
    findings: Vec<NewFinding>,
    failures: Vec<FailedLine>,
    seen: HashSet<(Kind, String)>,
}

impl Bundle {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that can't be read or is no bundle.
    pub(super) fn read(inputs: &[Input]) -> Result<Self, Failure> {
        let mut all = Self::default();
        for input in inputs {
            let bundle = bundle::read(&input.bytes()?).context(|| input.name())?;
            all.add(input, bundle);
        }
        Ok(all)
    }

    /// The number of valid records.
    pub(super) fn len(&self) -> usize {
        self.registers.len() + self.findings.len()
    }

    /// Writes the records.
    pub(super) async fn import(self, importer: &Importer<'_>, report: impl Fn(usize)) -> Result<Summary, Failure> {
        let counts = importer.import(&self.registers, self.findings, report).await?;
        Ok(Summary { counts, failures: self.failures, scan: None })
    }

    fn add(&mut self, input: &Input, bundle: bundle::Bundle) {
        for located in bundle.records {
            // `bundle::read` rejects repeated keys within a file; here they are rejected across files.
            let (kind, key) = (located.record.kind(), located.record.key().to_string());
            if !self.seen.insert((kind, key.clone())) {
                let message = format!("another of the files contains a {kind} with this key already");
                let failure = import::ImportFailure { position: located.position, key: Some(key), message };
                self.failures.push(FailedLine::new(input, failure));
                continue;
            }
            self.findings.extend(self.registers.add(located.record));
        }
        self.failures.extend(bundle.failures.into_iter().map(|failure| FailedLine::new(input, failure)));
    }
}
