//! The results between which a finding could pass: those that share an identity, that of their mark or of an older version
//! of a fingerprint.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    ops::Range,
};

use kernel::RecordKey;

use super::{
    identity::BaseKey,
    matching::{Identified, match_findings},
    present::PresentFinding,
    result::ScanResult,
};

/// A result with the files that report it, and the key that it gets.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) result: ScanResult,
    pub(super) files: BTreeSet<usize>,
    pub(super) key: Option<RecordKey>,
    /// Whether the key is that of a finding that exists.
    pub(super) is_present: bool,
}

/// Results that share identities with each other and with no others, in their order.
#[derive(Default)]
pub(super) struct Related {
    identities: BTreeSet<BaseKey>,
    results: Vec<Collected>,
}

impl Collected {
    /// The order of results.
    fn order(&self) -> impl Ord + use<'_> {
        let ScanResult { outline, line, column, description_digest, suppression, base_keys, .. } = &self.result;
        let content = (self.result.message(), *description_digest, outline.title.as_str(), outline.severity.name());
        (*line, *column, content, suppression.is_some(), base_keys.len(), base_keys)
    }
}

impl Related {
    /// Divides the results.
    pub(super) fn divide(results: Vec<Collected>) -> Vec<Self> {
        let mut numbers: HashMap<BaseKey, usize> = HashMap::new();
        let mut sets = DisjointSets::default();
        for Collected { result, .. } in &results {
            let mut first = None;
            for base_key in &result.base_keys {
                let number = *numbers.entry(base_key.clone()).or_insert_with(|| sets.add());
                sets.unite(*first.get_or_insert(number), number);
            }
        }
        let mut by_set: HashMap<usize, Self> = HashMap::new();
        for collected in results {
            let Some(number) = collected.result.base_keys.first().and_then(|base_key| numbers.get(base_key)) else {
                continue;
            };
            let related = by_set.entry(sets.root(*number)).or_default();
            related.identities.extend(collected.result.base_keys.iter().cloned());
            related.results.push(collected);
        }
        let mut divided: Vec<Self> = by_set.into_values().collect();
        for related in &mut divided {
            related.results.sort_by(|a, b| a.order().cmp(&b.order()));
        }
        divided.sort_by(|a, b| a.identities.first().cmp(&b.identities.first()));
        divided
    }

    /// The number of their identities.
    pub(super) fn identity_count(&self) -> usize {
        self.identities.len()
    }

    /// The ranges of keys in which their findings are.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<String>> {
        self.identities.iter().map(BaseKey::range)
    }

    /// Gives each result its key: that of the finding that it keeps, or a new one.
    pub(super) fn into_keyed(mut self, present: &BTreeMap<RecordKey, PresentFinding>) -> Vec<Collected> {
        let findings: Vec<Identified<'_>> = self
            .identities
            .iter()
            .flat_map(|identity| {
                let range = identity.range();
                let following = present.range(identity.key()..);
                let within = following.take_while(move |(key, _)| range.contains(&key.to_string()));
                let of_identity = within.filter(|(key, _)| identity.has(key));
                of_identity.map(move |(_, finding)| Identified { identity, finding })
            })
            .collect();
        let results: Vec<_> = self.results.iter().map(|collected| &collected.result).collect();
        let kept = match_findings(&results, &findings);
        for (collected, finding) in self.results.iter_mut().zip(kept) {
            if let Some(Identified { finding, .. }) = finding.and_then(|index| findings.get(index)) {
                collected.key = Some(finding.key.clone());
                collected.is_present = true;
            }
        }
        let used = findings.iter().map(|identified| identified.finding.key.clone()).collect();
        add_new_keys(&mut self.results, used);
        self.results
    }
}

/// Gives new keys to the results without one, first to those that are not suppressed.
fn add_new_keys(results: &mut [Collected], mut used: HashSet<RecordKey>) {
    let mut new: Vec<&mut Collected> = results.iter_mut().filter(|collected| collected.key.is_none()).collect();
    new.sort_by_key(|collected| collected.result.suppression.is_some());
    // Of those at one line, each continues with the number after that of the one before.
    let mut numbers: HashMap<(BaseKey, u64), usize> = HashMap::new();
    for Collected { result, key, .. } in new {
        let Some(base_key) = result.base_keys.first() else { continue };
        let mut new_key = base_key.key();
        while used.contains(&new_key) {
            let number = numbers.entry((base_key.clone(), result.line)).or_default();
            *number += 1;
            new_key = base_key.key_at_line(result.line, *number);
        }
        used.insert(new_key.clone());
        *key = Some(new_key);
    }
}

/// Sets of numbers from 0 on.
#[derive(Default)]
struct DisjointSets {
    /// Another number of the same set, or the number itself, which is the root of its set then.
    parents: Vec<usize>,
}

impl DisjointSets {
    /// Adds the next number, in a set of its own.
    fn add(&mut self) -> usize {
        self.parents.push(self.parents.len());
        self.parents.len() - 1
    }

    fn root(&mut self, mut number: usize) -> usize {
        while let Some(&parent) = self.parents.get(number).filter(|parent| **parent != number) {
            // Halves the way for the next time.
            let above = self.parents.get(parent).copied().unwrap_or(parent);
            if let Some(own) = self.parents.get_mut(number) {
                *own = above;
            }
            number = above;
        }
        number
    }

    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(parent) = self.parents.get_mut(other) {
            *parent = one;
        }
    }
}
