//! A scan: the results of one or more files, and the keys of their findings.
//!
//! Results that agree in all parts of their identity are alike: the same lint twice in a file. One of them has the key
//! of the identity, and each other that key with `:L` and its line, and `:L:n` where they share the line too. Which is
//! which depends on the findings that exist, so that no result takes over the finding of another:
//!
//! 1. A result keeps the finding that is at its line. Of several at one line, that with the same description,
//!    otherwise with the same message: the help of the rule may have changed.
//! 2. The key of the identity, if it is still free, goes to the result nearest to the line of its finding that has no
//!    finding of its own; if there is no finding with that key yet, to the first by line.
//! 3. The others get keys that no finding has.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use findings::{NewFinding, Severity};
use kernel::{Description, RecordKey, Reference, Title};

use super::{
    content::has_message,
    identity::BaseKey,
    result::{ScanResult, Suppression},
};
use crate::shorten;

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
}

/// The properties that two results must share to be counted once if they are of different runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Equality {
    base_key: Option<BaseKey>,
    line: u64,
    column: u64,
    title: Title,
    description: Option<Description>,
    severity: Severity,
}

/// A finding that exists, as far as the choice of keys depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentFinding {
    /// The resource identifier of its subject.
    pub subject_resource_id: Option<Reference>,
    /// Its description.
    pub description: Description,
}

/// A finding of a scan, with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanFinding {
    /// The finding.
    pub finding: NewFinding,
    /// The suppression, if every result that reports the finding is suppressed.
    pub suppression: Option<Suppression>,
    /// The files that report the finding, by the numbers that the caller gave them.
    pub files: BTreeSet<usize>,
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
                self.results.push(Collected { result, files: BTreeSet::from([file]) });
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

    /// Returns the keys of the findings that [`Self::assign_keys`] needs to know, if they exist. `present` are those
    /// that earlier calls led to: at a line with more findings than results, further keys follow. The caller looks keys
    /// up until none of them exists.
    #[must_use]
    pub fn keys_to_look_up(&self, present: &HashMap<RecordKey, PresentFinding>) -> Vec<RecordKey> {
        let mut alike: HashMap<(&BaseKey, u64), usize> = HashMap::new();
        for Collected { result, .. } in &self.results {
            for base_key in &result.base_keys {
                *alike.entry((base_key, result.line)).or_insert(0) += 1;
            }
        }
        let mut keys = BTreeSet::new();
        for ((base_key, line), count) in alike {
            if present.is_empty() {
                keys.insert(base_key.with_suffix(""));
                keys.extend((1..=count).map(|number| key_at_line(base_key, line, number)));
            } else if present.contains_key(&key_at_line(base_key, line, count)) {
                let numbers = (count + 1..).map(|number| key_at_line(base_key, line, number));
                keys.extend(numbers.into_iter().find(|key: &RecordKey| !present.contains_key(key)));
            }
        }
        keys.into_iter().collect()
    }

    /// Gives each result its key. `present` are the findings with the keys to look up that exist.
    #[must_use]
    pub fn assign_keys(self, present: &HashMap<RecordKey, PresentFinding>) -> Vec<ScanFinding> {
        let mut groups: BTreeMap<BaseKey, Vec<Collected>> = BTreeMap::new();
        for collected in self.results {
            // The fingerprint of an older version counts if its finding exists.
            let keys = &collected.result.base_keys;
            let existing = keys.iter().find(|base_key| present.contains_key(&base_key.with_suffix("")));
            let Some(base_key) = existing.or(keys.first()).cloned() else { continue };
            groups.entry(base_key).or_default().push(collected);
        }
        let keyed = groups.into_iter().flat_map(|(base_key, alike)| Group::new(base_key, alike, present).assign());
        keyed.collect()
    }
}

impl Equality {
    fn new(result: &ScanResult) -> Self {
        Self {
            base_key: result.base_keys.first().cloned(),
            line: result.line,
            column: result.column,
            title: result.finding.title.clone(),
            description: result.finding.description.clone(),
            severity: result.finding.severity,
        }
    }
}

/// Returns the key of the result with this number among those that are alike at the line.
fn key_at_line(base_key: &BaseKey, line: u64, number: usize) -> RecordKey {
    match number {
        1 => base_key.with_suffix(&format!(":{line}")),
        _ => base_key.with_suffix(&format!(":{line}:{number}")),
    }
}

/// Results that are alike, by line, column and description, with the keys that they have so far.
struct Group<'a> {
    base_key: BaseKey,
    alike: Vec<(Collected, Option<RecordKey>)>,
    present: &'a HashMap<RecordKey, PresentFinding>,
}

impl<'a> Group<'a> {
    fn new(base_key: BaseKey, mut alike: Vec<Collected>, present: &'a HashMap<RecordKey, PresentFinding>) -> Self {
        alike.sort_by(|a, b| {
            let order = |collected: &Collected| (collected.result.line, collected.result.column);
            order(a).cmp(&order(b)).then_with(|| {
                let text = |collected: &Collected| collected.result.finding.description.clone();
                text(a).cmp(&text(b))
            })
        });
        Self { base_key, alike: alike.into_iter().map(|collected| (collected, None)).collect(), present }
    }

    fn assign(mut self) -> Vec<ScanFinding> {
        self.keep_findings_at_their_lines();
        self.assign_base_key();
        self.add_new_keys();
        let keyed = self.alike.into_iter().filter_map(|(collected, key)| {
            let Collected { result: ScanResult { finding, suppression, .. }, files } = collected;
            Some(ScanFinding { finding: NewFinding { key: key?, ..finding }, suppression, files })
        });
        keyed.collect()
    }

    /// The line of the finding with the base key, if it exists; 0 if it has none.
    fn base_line(&self) -> Option<u64> {
        let finding = self.present.get(&self.base_key.with_suffix(""))?;
        let artifact = self.alike.first().and_then(|(collected, _)| collected.result.artifact.as_deref());
        let line = artifact.zip(finding.subject_resource_id.as_ref());
        Some(line.and_then(|(artifact, subject)| shorten::line_of(subject.as_str(), artifact)).unwrap_or_default())
    }

    fn keep_findings_at_their_lines(&mut self) {
        let base_line = self.base_line();
        for at_line in self.alike.chunk_by_mut(|a, b| a.0.result.line == b.0.result.line) {
            let line = at_line.first().map_or(0, |(collected, _)| collected.result.line);
            let of_base = (base_line == Some(line)).then(|| self.base_key.with_suffix(""));
            // There may be more findings than results: those of results that are gone.
            let of_line = (1..)
                .map(|number| (number, key_at_line(&self.base_key, line, number)))
                .take_while(|(number, key)| *number <= at_line.len() || self.present.contains_key(key))
                .map(|(_, key)| key);
            let mut existing: Vec<RecordKey> =
                of_base.into_iter().chain(of_line).filter(|key| self.present.contains_key(key)).collect();
            for (collected, key) in &mut *at_line {
                let description = collected.result.finding.description.clone().unwrap_or_default();
                let same = existing.iter().position(|key| self.present[key].description == description);
                *key = same.map(|index| existing.remove(index));
            }
            // The rule may say something else about the problem since: then the message tells which it is. The longest
            // comes first, because one may begin with another.
            let mut by_message: Vec<_> = at_line.iter_mut().filter(|(_, key)| key.is_none()).collect();
            by_message.sort_by_key(|(collected, _)| Reverse(collected.result.message.len()));
            for (collected, key) in by_message {
                let message = &collected.result.message;
                let same = existing.iter().position(|key| has_message(self.present[key].description.as_str(), message));
                *key = same.map(|index| existing.remove(index));
            }
            let without_key = at_line.iter_mut().filter(|(_, key)| key.is_none());
            for ((_, key), existing) in without_key.zip(existing) {
                *key = Some(existing);
            }
        }
    }

    fn assign_base_key(&mut self) {
        let base_key = self.base_key.with_suffix("");
        if self.alike.iter().any(|(_, key)| key.as_ref() == Some(&base_key)) {
            return;
        }
        let base_line = self.base_line().unwrap_or_default();
        let free = self.alike.iter_mut().filter(|(_, key)| key.is_none());
        // Of two that are equally near, `min_by_key` returns the first.
        if let Some((_, key)) = free.min_by_key(|(collected, _)| collected.result.line.abs_diff(base_line)) {
            *key = Some(base_key);
        }
    }

    fn add_new_keys(&mut self) {
        let mut used: HashSet<RecordKey> = self.alike.iter().filter_map(|(_, key)| key.clone()).collect();
        for (collected, key) in &mut self.alike {
            if key.is_none() {
                let numbers = (1..).map(|number| key_at_line(&self.base_key, collected.result.line, number));
                *key = numbers.into_iter().find(|key| !self.present.contains_key(key) && used.insert(key.clone()));
            }
        }
    }
}
