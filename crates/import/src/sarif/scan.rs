//! A scan: the results of one or more files, and the keys of their findings.
//!
//! Results that agree in all parts of their identity are alike: the same lint twice in a file. One of them has the key
//! of the identity, and each other that key with `:L` and its line, and `:L:n` where they share the line too. Which is
//! which depends on the findings that exist:
//!
//! 1. Results [keep the findings](super::matching) of their identity, or of that by an older version of their fingerprint.
//! 2. The others get keys that no finding has: the key of the identity, if it is free, and then those of their lines.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
};

use findings::{FindingSource, NewFinding, Severity};
use kernel::{MAX_KEY_RANGES, RecordKey, Title};

use super::{
    identity::BaseKey,
    present::PresentFinding,
    related::{Collected, Related},
    result::{ScanResult, Suppression},
};

/// The results of one or more files, each counted once.
#[derive(Debug, Default)]
pub struct Scan {
    results: Vec<Collected>,
    /// The results that are equal, by their number of occurrence in a run.
    equal: HashMap<Equality, Vec<usize>>,
}

/// The properties that two results must share to be counted once if they are of different runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Equality {
    base_key: Option<BaseKey>,
    line: u64,
    column: u64,
    title: Title,
    description: [u8; 32],
    severity: Severity,
}

/// A finding of a scan, with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanFinding {
    /// The key.
    pub key: RecordKey,
    /// The suppression, if every result that reports the finding is suppressed.
    pub suppression: Option<Suppression>,
    /// Whether the finding exists already.
    pub is_present: bool,
    /// The files that report the finding, by the numbers that the caller gave them.
    pub files: BTreeSet<usize>,
    result: ScanResult,
}

impl ScanFinding {
    fn of_keyed(collected: Collected) -> Option<Self> {
        let Collected { result, files, key, is_present } = collected;
        Some(Self { key: key?, suppression: result.suppression.clone(), is_present, files, result })
    }

    /// Whether the finding is written: a suppressed result makes none, but one that exists follows it. A line that is not
    /// that of the last scan would lead others to the finding.
    #[must_use]
    pub const fn is_written(&self) -> bool {
        self.suppression.is_none() || self.is_present
    }

    /// Where the finding comes from.
    #[must_use]
    pub const fn source(&self) -> &FindingSource {
        &self.result.outline.source
    }

    /// Returns the finding with its description, which may be long.
    #[must_use]
    pub fn finding(&self) -> NewFinding {
        NewFinding { key: self.key.clone(), ..self.result.finding() }
    }
}

impl Scan {
    /// Adds the results of one run of the file with this number. A result that an earlier run has too is counted once;
    /// results that are equal within one run are the same problem at two places, and counted as often as there.
    pub fn add_run(&mut self, file: usize, results: impl IntoIterator<Item = ScanResult>) {
        let mut occurrences: HashMap<Equality, usize> = HashMap::new();
        for result in results {
            let equality = Equality::new(&result);
            let occurrence = occurrences.entry(equality.clone()).or_insert(0);
            let equal = self.equal.entry(equality).or_default();
            if let Some(collected) = equal.get(*occurrence).and_then(|index| self.results.get_mut(*index)) {
                collected.files.insert(file);
                if result.suppression.is_none() {
                    collected.result.suppression = None;
                }
            } else {
                equal.push(self.results.len());
                self.results.push(Collected { result, files: BTreeSet::from([file]), key: None, is_present: false });
            }
            *occurrence += 1;
        }
    }

    /// The number of distinct results.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there are no results.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Gives each result its key. `find` returns the findings that exist with keys in these ranges, of which there are at
    /// most [`MAX_KEY_RANGES`]. They may overlap.
    ///
    /// # Errors
    /// Those of `find`.
    pub async fn assign_keys<E>(
        self,
        find: impl AsyncFn(&[Range<String>]) -> Result<Vec<PresentFinding>, E>,
    ) -> Result<Vec<ScanFinding>, E> {
        let mut keyed: Vec<ScanFinding> = Vec::with_capacity(self.results.len());
        let mut related = Related::divide(self.results).into_iter().peekable();
        while let Some(next) = related.next() {
            let mut identities = next.identity_count();
            let mut batch = vec![next];
            while let Some(next) = related.next_if(|next| identities + next.identity_count() <= MAX_KEY_RANGES) {
                identities += next.identity_count();
                batch.push(next);
            }
            let ranges: Vec<Range<String>> = batch.iter().flat_map(Related::ranges).collect();
            let mut present = BTreeMap::new();
            for ranges in ranges.chunks(MAX_KEY_RANGES) {
                present.extend(find(ranges).await?.into_iter().map(|finding| (finding.key.clone(), finding)));
            }
            let collected = batch.into_iter().flat_map(|related| related.into_keyed(&present));
            keyed.extend(collected.filter_map(ScanFinding::of_keyed));
        }
        Ok(keyed)
    }
}

impl Equality {
    fn new(result: &ScanResult) -> Self {
        Self {
            base_key: result.base_keys.first().cloned(),
            line: result.line,
            column: result.column,
            title: result.outline.title.clone(),
            description: result.description_digest,
            severity: result.outline.severity,
        }
    }
}
