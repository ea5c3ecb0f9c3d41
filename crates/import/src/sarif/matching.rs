//! The findings that related results keep.
//!
//! 1. Results keep findings with the same description.
//! 2. Others keep findings whose description begins with their message, because the help of the rule may have changed.
//! 3. What remains is matched whatever it says, if the finding has the identity of the result's mark. By an older version
//!    of a fingerprint, which may have been less exact, a result only keeps a finding at its line; and so does a
//!    suppressed result: what it takes over would be accepted.
//!
//! In each step, findings with the same title and severity come first, and closed ones last: they would hide their
//! results. Nobody sees archived ones, which are left alone. Otherwise, results and findings are
//! [aligned](super::alignment) by their lines. A finding without a line, because somebody has set another subject, is only
//! matched by its order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
};

use findings::{Severity, Status};
use kernel::Title;

use super::{
    alignment::{ResultLine, align, is_too_large},
    content::has_message,
    identity::BaseKey,
    present::PresentFinding,
    result::ScanResult,
};

/// A finding with the identity that its key has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identified<'a> {
    pub(super) identity: &'a BaseKey,
    pub(super) finding: &'a PresentFinding,
}

/// Returns the index of the finding that each result keeps. The results must be in their order, and the findings in that
/// of their keys.
pub(super) fn match_findings(results: &[&ScanResult], findings: &[Identified<'_>]) -> Vec<Option<usize>> {
    let artifact = results.first().and_then(|result| result.artifact());
    let mut numbers: HashMap<&BaseKey, usize> = HashMap::new();
    let mut number_of = |identity| {
        let next = numbers.len();
        *numbers.entry(identity).or_insert(next)
    };
    let mut matching = Matching {
        results: results
            .iter()
            .map(|result| Sought { result, identities: result.base_keys.iter().map(&mut number_of).collect() })
            .collect(),
        findings: findings
            .iter()
            .map(|Identified { identity, finding }| Candidate {
                finding,
                identity: number_of(identity),
                line: finding.line_in(artifact.as_deref()),
                digest: finding.description_digest(),
            })
            .collect(),
        kept: vec![None; results.len()],
        is_free: findings.iter().map(|identified| identified.finding.status != Status::Archived).collect(),
    };
    for step in [Step::Description, Step::Message, Step::Any] {
        for is_closed in [false, true] {
            matching.match_by(step, is_closed);
        }
    }
    matching.kept
}

/// The property that results and findings must have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Description,
    Message,
    Any,
}

struct Sought<'a> {
    result: &'a ScanResult,
    /// The numbers of its identities, that of its mark first.
    identities: Vec<usize>,
}

struct Candidate<'a> {
    finding: &'a PresentFinding,
    identity: usize,
    /// The line that its subject names, if it names one.
    line: Option<u64>,
    digest: [u8; 32],
}

/// Severity and title; `None` where they don't count.
type Look<'a> = Option<(Severity, &'a Title)>;

/// Indexes of results, and of findings that they may keep.
type Class = (Vec<usize>, Vec<usize>);

impl Sought<'_> {
    const fn is_suppressed(&self) -> bool {
        self.result.suppression.is_some()
    }

    fn look(&self) -> (Severity, &Title) {
        (self.result.outline.severity, &self.result.outline.title)
    }

    /// How well the finding fits beside its line: best is one which is settled only if the result is suppressed, and then
    /// one with the identity of the mark.
    fn fit(&self, candidate: &Candidate<'_>) -> Option<i32> {
        let version = self.identities.iter().position(|identity| *identity == candidate.identity)?;
        let agrees = candidate.is_settled() == self.is_suppressed();
        Some(2 * i32::from(agrees) + i32::from(version == 0))
    }
}

impl Candidate<'_> {
    fn look(&self) -> (Severity, &Title) {
        (self.finding.severity, &self.finding.title)
    }

    /// Whether nobody works on it any more.
    const fn is_settled(&self) -> bool {
        matches!(self.finding.status, Status::Accepted | Status::Verified)
    }
}

struct Matching<'a> {
    results: Vec<Sought<'a>>,
    findings: Vec<Candidate<'a>>,
    kept: Vec<Option<usize>>,
    is_free: Vec<bool>,
}

impl Matching<'_> {
    fn match_by(&mut self, step: Step, is_closed: bool) {
        for is_same_look in [true, false] {
            let (results, findings) = (self.results_without(|_| true), self.free_findings(is_closed));
            if results.is_empty() || findings.is_empty() {
                return;
            }
            let classes = match step {
                Step::Description => self.by_description(&results, &findings, is_same_look),
                Step::Message => self.by_message(&results, &findings, is_same_look),
                Step::Any => self.by_mark(&results, &findings, is_same_look),
            };
            for (results, findings) in classes {
                self.align(&results, findings);
            }
        }
        if step == Step::Any {
            self.match_by_line(is_closed);
        }
    }

    fn keep(&mut self, result: usize, finding: usize) {
        if let (Some(kept), Some(is_free)) = (self.kept.get_mut(result), self.is_free.get_mut(finding)) {
            *kept = Some(finding);
            *is_free = false;
        }
    }

    /// The results without a finding that satisfy the condition.
    fn results_without(&self, condition: impl Fn(&Sought<'_>) -> bool) -> Vec<usize> {
        let results = self.results.iter().zip(&self.kept).enumerate();
        results.filter(|(_, (sought, kept))| kept.is_none() && condition(sought)).map(|(index, _)| index).collect()
    }

    /// The findings that no result keeps yet.
    fn free_findings(&self, is_closed: bool) -> Vec<usize> {
        let findings = self.findings.iter().zip(&self.is_free).enumerate();
        let is_candidate = |candidate: &Candidate<'_>| (candidate.finding.status == Status::Closed) == is_closed;
        let free = findings.filter(|(_, (candidate, is_free))| **is_free && is_candidate(candidate));
        free.map(|(index, _)| index).collect()
    }

    fn by_description(&self, results: &[usize], findings: &[usize], is_same_look: bool) -> Vec<Class> {
        let mut classes: HashMap<([u8; 32], Look<'_>), Class> = HashMap::new();
        for (index, sought) in chosen(&self.results, results) {
            let look = is_same_look.then(|| sought.look());
            classes.entry((sought.result.description_digest, look)).or_default().0.push(index);
        }
        for (index, candidate) in chosen(&self.findings, findings) {
            let look = is_same_look.then(|| candidate.look());
            classes.entry((candidate.digest, look)).or_default().1.push(index);
        }
        classes.into_values().collect()
    }

    /// By the messages of results, longer ones first: another may begin with a shorter one.
    fn by_message(&self, results: &[usize], findings: &[usize], is_same_look: bool) -> Vec<Class> {
        let mut by_message: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, sought) in chosen(&self.results, results) {
            let message = sought.result.message();
            let look = is_same_look.then(|| sought.look());
            by_message.entry((Reverse(message.len()), message, look)).or_default().push(index);
        }
        let mut by_description: Vec<(&str, usize, &Candidate<'_>)> = chosen(&self.findings, findings)
            .map(|(index, candidate)| (candidate.finding.description.as_str(), index, candidate))
            .collect();
        by_description.sort_unstable_by_key(|(description, index, _)| (*description, *index));
        let classes = by_message.into_iter().map(|((_, message, look), results)| {
            // Those that begin with the message follow each other.
            let first = by_description.partition_point(|(description, ..)| *description < message);
            let beginning = by_description.iter().skip(first).take_while(|(text, ..)| text.starts_with(message));
            let same = beginning.filter(|(description, _, candidate)| {
                has_message(description, message) && look.is_none_or(|look| look == candidate.look())
            });
            (results, same.map(|(_, index, _)| *index).collect())
        });
        classes.collect()
    }

    /// By the identities of their marks, those that are not suppressed.
    fn by_mark(&self, results: &[usize], findings: &[usize], is_same_look: bool) -> Vec<Class> {
        let mut classes: HashMap<(Option<usize>, Look<'_>), Class> = HashMap::new();
        for (index, sought) in chosen(&self.results, results).filter(|(_, sought)| !sought.is_suppressed()) {
            let look = is_same_look.then(|| sought.look());
            classes.entry((sought.identities.first().copied(), look)).or_default().0.push(index);
        }
        for (index, candidate) in chosen(&self.findings, findings) {
            let look = is_same_look.then(|| candidate.look());
            classes.entry((Some(candidate.identity), look)).or_default().1.push(index);
        }
        classes.into_values().collect()
    }

    /// Aligns results with those of the findings that are free.
    fn align(&mut self, results: &[usize], mut findings: Vec<usize>) {
        findings.retain(|index| self.is_free.get(*index) == Some(&true));
        if results.is_empty() || findings.is_empty() {
            return;
        }
        let is_mixed = || {
            let identity = chosen(&self.findings, &findings).next().map(|(_, candidate)| candidate.identity);
            let has_it = |sought: &Sought<'_>| identity.is_some_and(|identity| sought.identities.contains(&identity));
            chosen(&self.findings, &findings).any(|(_, candidate)| Some(candidate.identity) != identity)
                || chosen(&self.results, results).any(|(_, sought)| !has_it(sought))
        };
        if is_too_large(results.len(), findings.len()) && is_mixed() {
            return self.align_by_identity(results, &findings);
        }
        let mut sought: Vec<(ResultLine, usize)> = chosen(&self.results, results)
            .map(|(index, sought)| {
                (ResultLine { line: sought.result.line, is_suppressed: sought.is_suppressed() }, index)
            })
            .collect();
        sought.sort_unstable_by_key(|(at, index)| (at.line, at.is_suppressed, *index));
        let mut with_line: Vec<(u64, bool, usize)> = chosen(&self.findings, &findings)
            .filter_map(|(index, candidate)| Some((candidate.line?, candidate.is_settled(), index)))
            .collect();
        with_line.sort_unstable();
        let result_lines: Vec<ResultLine> = sought.iter().map(|(at, _)| *at).collect();
        let lines: Vec<u64> = with_line.iter().map(|(line, ..)| *line).collect();
        let fit = |result: usize, finding: usize| {
            let (_, result) = sought.get(result)?;
            let (.., finding) = with_line.get(finding)?;
            self.results.get(*result)?.fit(self.findings.get(*finding)?)
        };
        for (result, finding) in align(&result_lines, &lines, fit) {
            if let (Some((_, result)), Some((.., finding))) = (sought.get(result), with_line.get(finding)) {
                self.keep(*result, *finding);
            }
        }
        findings.retain(|index| self.findings.get(*index).is_some_and(|candidate| candidate.line.is_none()));
        self.match_in_order(results, &findings, |_| None);
    }

    /// Aligns results with findings of their marks, then with those of each older version.
    fn align_by_identity(&mut self, results: &[usize], findings: &[usize]) {
        for version in 0..self.version_count() {
            let mut classes: BTreeMap<usize, Class> = BTreeMap::new();
            for (index, sought) in chosen(&self.results, &self.unsuppressed_first(results)) {
                if let Some(identity) = sought.identities.get(version) {
                    classes.entry(*identity).or_default().0.push(index);
                }
            }
            for (index, candidate) in chosen(&self.findings, findings) {
                classes.entry(candidate.identity).or_default().1.push(index);
            }
            for (results, findings) in classes.into_values() {
                self.align(&results, findings);
            }
        }
    }

    /// Matches those at one line.
    fn match_by_line(&mut self, is_closed: bool) {
        let results = self.results_without(|sought| sought.result.line > 0);
        let mut findings = self.free_findings(is_closed);
        findings.retain(|index| self.findings.get(*index).is_some_and(|candidate| candidate.line.is_some()));
        self.match_in_order(&results, &findings, Some);
    }

    /// Matches results and findings with the same value of `line_class` in their order, those of the mark before those of older
    /// versions, and results that are not suppressed before others.
    fn match_in_order(&mut self, results: &[usize], findings: &[usize], line_class: impl Fn(u64) -> Option<u64>) {
        let mut in_order: Vec<_> = chosen(&self.findings, findings)
            .map(|(index, candidate)| (candidate.is_settled(), index, candidate))
            .collect();
        in_order.sort_unstable_by_key(|(is_settled, index, _)| (*is_settled, *index));
        let mut free: HashMap<(usize, Option<u64>), VecDeque<usize>> = HashMap::new();
        for (_, index, candidate) in in_order {
            free.entry((candidate.identity, candidate.line.and_then(&line_class))).or_default().push_back(index);
        }
        for version in 0..self.version_count() {
            for result in self.unsuppressed_first(results) {
                let Some(sought) = self.results.get(result) else { continue };
                let Some(identity) = sought.identities.get(version) else { continue };
                let queue = free.get_mut(&(*identity, line_class(sought.result.line)));
                if let Some(finding) = queue.and_then(VecDeque::pop_front) {
                    self.keep(result, finding);
                }
            }
        }
    }

    /// Those of the results that have no finding.
    fn unsuppressed_first(&self, results: &[usize]) -> Vec<usize> {
        let mut without: Vec<usize> =
            results.iter().copied().filter(|index| self.kept.get(*index) == Some(&None)).collect();
        without.sort_by_key(|index| self.results.get(*index).is_some_and(Sought::is_suppressed));
        without
    }

    fn version_count(&self) -> usize {
        self.results.iter().map(|sought| sought.identities.len()).max().unwrap_or_default()
    }
}

/// The items with these indexes.
fn chosen<'a, T>(items: &'a [T], indexes: &'a [usize]) -> impl Iterator<Item = (usize, &'a T)> {
    indexes.iter().filter_map(|index| Some((*index, items.get(*index)?)))
}
