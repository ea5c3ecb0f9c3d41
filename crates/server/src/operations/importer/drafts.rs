//! The drafts that an import reads, and those that fail.

use std::collections::HashSet;

use import::{CheckedDraft, ImportFailure};
use kernel::Kind;

use crate::failure::Failure;

/// The maximum number of failures that are listed, unless the import needs more; the others are counted.
pub(crate) const MAX_LISTED_FAILURES: usize = 1000;

/// Drafts in the order of their files. They are read several times, since a record is written after those that it
/// refers to.
pub(crate) trait DraftSource {
    /// The kinds of the drafts.
    fn kinds(&self) -> HashSet<Kind>;

    /// Continues with the first draft.
    ///
    /// # Errors
    /// If a file can't be read.
    fn rewind(&mut self) -> Result<(), Failure>;

    /// Returns the next draft of one of the kinds that is not settled; `None` at the end.
    ///
    /// # Errors
    /// If a file can't be read.
    fn next_draft(&mut self, kinds: &HashSet<Kind>) -> Result<Option<PendingDraft>, Failure>;

    /// Leaves the draft with this index out from now on: it was written, or failed.
    fn settle(&mut self, index: usize);
}

/// A draft that is not written yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingDraft {
    /// The index among the drafts of the source.
    pub(crate) index: usize,
    /// The index of the file.
    pub(crate) file: usize,
    /// The line in the file.
    pub(crate) line: usize,
    /// The size in the file, in bytes.
    pub(crate) size: usize,
    pub(crate) draft: CheckedDraft,
}

/// The failures of an import, each with the index of its file.
#[derive(Debug)]
pub(crate) struct DraftFailures {
    listed: Vec<(usize, ImportFailure)>,
    max_listed: usize,
    count: usize,
}

impl Default for DraftFailures {
    fn default() -> Self {
        Self::listing(MAX_LISTED_FAILURES)
    }
}

impl DraftFailures {
    /// Lists at most this number of failures.
    pub(crate) const fn listing(max_listed: usize) -> Self {
        Self { listed: Vec::new(), max_listed, count: 0 }
    }

    pub(crate) fn add(&mut self, file: usize, failure: ImportFailure) {
        self.count += 1;
        if self.listed.len() < self.max_listed {
            self.listed.push((file, failure));
        }
    }

    /// Adds failures that are not described.
    pub(crate) const fn add_undescribed(&mut self, count: usize) {
        self.count += count;
    }

    /// The number of failures.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The first failures, in any order.
    pub(crate) fn listed(&self) -> &[(usize, ImportFailure)] {
        &self.listed
    }

    /// The first failures, in the order of files and lines.
    pub(crate) fn into_listed(mut self) -> Vec<(usize, ImportFailure)> {
        self.listed.sort_by_key(|(file, failure)| (*file, failure.position));
        self.listed
    }
}
