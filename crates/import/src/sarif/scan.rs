//! A scan: the results of one or more files, and the keys of their findings.
//!
//! Results that agree in all parts of their identity are alike: the same lint twice in a file. One of them has the key
//! of the identity, and each other that key with `:L` and its line, and `:L:n` where they share the line too. Which is
//! which depends on the findings that exist:
//!
//! 1. Results [keep the findings](super::matching) of their identity.
//! 2. Those that have none may keep one of an identity by an older version of their fingerprint.
//! 3. The others get keys that no finding has: the key of the identity, if it is free, and then those of their lines.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
};

use findings::{FindingSource, NewFinding, Severity};
use kernel::{MAX_KEY_RANGES, RecordKey, Title};

use super::{
    identity::BaseKey,
    matching::{Rule, match_findings},
    present::PresentFinding,
    result::{ScanResult, Suppression},
};

/// The results of one or more files, each counted once.
#[derive(Debug, Default)]
pub struct Scan {
    results: Vec<Collected>,
    /// The results that are equal, by their number of occurrence in a run.
    equal: HashMap<Equality, Vec<usize>>,
}

#[derive(Debug)]
struct Collected {
    result: ScanResult,
    files: BTreeSet<usize>,
    key: Option<RecordKey>,
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
    /// The files that report the finding, by the numbers that the caller gave them.
    pub files: BTreeSet<usize>,
    result: ScanResult,
}

impl ScanFinding {
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
                self.results.push(Collected { result, files: BTreeSet::from([file]), key: None });
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
        let mut by_identity: BTreeMap<BaseKey, Vec<Collected>> = BTreeMap::new();
        for collected in self.results {
            let Some(base_key) = collected.result.base_keys.first().cloned() else { continue };
            by_identity.entry(base_key).or_default().push(collected);
        }
        let mut groups: Vec<Group> =
            by_identity.into_iter().map(|(base_key, alike)| Group::new(base_key, alike)).collect();
        for batch in groups.chunks_mut(MAX_KEY_RANGES) {
            let ranges: Vec<Range<String>> = batch.iter().map(|group| group.base_key.range()).collect();
            let present = ByKey::new(find(&ranges).await?);
            for group in batch {
                group.keep_findings(&present.of_identity(&group.base_key));
            }
        }
        keep_findings_of_older_versions(&mut groups, &find).await?;
        Ok(groups.into_iter().flat_map(Group::into_findings).collect())
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

impl Collected {
    /// The order of results that are alike.
    fn order(&self) -> (u64, u64, &str, [u8; 32], &str, &str, bool) {
        let ScanResult { outline, line, column, description_digest, suppression, .. } = &self.result;
        let (title, severity) = (outline.title.as_str(), outline.severity.name());
        (*line, *column, self.result.message(), *description_digest, title, severity, suppression.is_some())
    }
}

/// The findings that exist, in the order of their keys.
struct ByKey(BTreeMap<RecordKey, PresentFinding>);

impl ByKey {
    fn new(present: Vec<PresentFinding>) -> Self {
        Self(present.into_iter().map(|finding| (finding.key.clone(), finding)).collect())
    }

    fn of_identity(&self, base_key: &BaseKey) -> Vec<PresentFinding> {
        let range = base_key.range();
        let following = self.0.range(base_key.key()..).take_while(|(key, _)| range.contains(&key.to_string()));
        following.filter(|(key, _)| base_key.has(key)).map(|(_, finding)| finding.clone()).collect()
    }
}

/// The results of one identity, in their order.
struct Group {
    base_key: BaseKey,
    alike: Vec<Collected>,
    /// The keys of the identity that findings have.
    present: HashSet<RecordKey>,
}

impl Group {
    fn new(base_key: BaseKey, mut alike: Vec<Collected>) -> Self {
        alike.sort_by(|a, b| a.order().cmp(&b.order()));
        Self { base_key, alike, present: HashSet::new() }
    }

    fn keep_findings(&mut self, present: &[PresentFinding]) {
        self.present = present.iter().map(|finding| finding.key.clone()).collect();
        keep(&mut self.alike.iter_mut().collect::<Vec<_>>(), present, Rule::Any);
    }

    fn into_findings(mut self) -> Vec<ScanFinding> {
        self.add_new_keys();
        let with_key = self.alike.into_iter().filter_map(|Collected { result, files, key }| {
            Some(ScanFinding { key: key?, suppression: result.suppression.clone(), files, result })
        });
        with_key.collect()
    }

    /// Gives new keys to the results without one, first to those that are not suppressed.
    fn add_new_keys(&mut self) {
        let mut new: Vec<&mut Collected> = self.alike.iter_mut().filter(|collected| collected.key.is_none()).collect();
        new.sort_by_key(|collected| collected.result.suppression.is_some());
        let mut base_key = Some(self.base_key.key()).filter(|key| !self.present.contains(key));
        // Of those at one line, each continues with the number after that of the one before.
        let mut numbers: HashMap<u64, usize> = HashMap::new();
        for Collected { result, key, .. } in new {
            *key = base_key.take().or_else(|| {
                let number = numbers.entry(result.line).or_default();
                let keys = std::iter::repeat_with(|| {
                    *number += 1;
                    self.base_key.key_at_line(result.line, *number)
                });
                keys.into_iter().find(|key| !self.present.contains(key))
            });
        }
    }
}

/// Gives results the keys of the findings that they keep.
fn keep(alike: &mut [&mut Collected], present: &[PresentFinding], rule: Rule) {
    let results: Vec<&ScanResult> = alike.iter().map(|collected| &collected.result).collect();
    let kept = match_findings(&results, present, rule);
    for (collected, finding) in alike.iter_mut().zip(kept) {
        if let Some(finding) = finding.and_then(|index| present.get(index)) {
            collected.key = Some(finding.key.clone());
        }
    }
}

/// Lets results without a finding keep those of older versions of their fingerprint that no other result keeps.
async fn keep_findings_of_older_versions<E>(
    groups: &mut [Group],
    find: &impl AsyncFn(&[Range<String>]) -> Result<Vec<PresentFinding>, E>,
) -> Result<(), E> {
    let mut kept: HashSet<RecordKey> =
        groups.iter().flat_map(|group| &group.alike).filter_map(|collected| collected.key.clone()).collect();
    let all = || groups.iter().flat_map(|group| &group.alike);
    let versions = all().map(|collected| collected.result.base_keys.len()).max().unwrap_or_default();
    for version in 1..versions {
        let mut older: BTreeMap<BaseKey, Vec<&mut Collected>> = BTreeMap::new();
        for collected in groups.iter_mut().flat_map(|group| &mut group.alike) {
            if let (None, Some(base_key)) = (&collected.key, collected.result.base_keys.get(version)) {
                older.entry(base_key.clone()).or_default().push(collected);
            }
        }
        let mut older: Vec<_> = older.into_iter().collect();
        for batch in older.chunks_mut(MAX_KEY_RANGES) {
            let ranges: Vec<Range<String>> = batch.iter().map(|(base_key, _)| base_key.range()).collect();
            let present = ByKey::new(find(&ranges).await?);
            for (base_key, alike) in batch {
                alike.sort_by(|a, b| a.order().cmp(&b.order()));
                let mut free = present.of_identity(base_key);
                free.retain(|finding| !kept.contains(&finding.key));
                keep(alike, &free, Rule::SameTextOrLine);
                kept.extend(alike.iter().filter_map(|collected| collected.key.clone()));
            }
        }
    }
    Ok(())
}
