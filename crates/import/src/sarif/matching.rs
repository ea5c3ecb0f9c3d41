//! The findings that results of one identity keep.
//!
//! 1. Results keep findings with the same description.
//! 2. Others keep findings whose description begins with their message, because the help of the rule may have changed.
//! 3. What remains is matched whatever it says, except that a suppressed result only keeps a finding at its line: what it
//!    takes over would be accepted.
//!
//! Within a step, results and findings are [aligned](super::alignment) by their lines. A finding without a line, because
//! somebody has set another subject, is only matched by its order.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
};

use super::{
    alignment::{FindingLine, ResultLine, align},
    content::has_message,
    present::PresentFinding,
    result::ScanResult,
};

/// Which findings a result may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// All findings of its identity.
    Any,
    /// Those with the same description or message, or at the same line: the identity is that of an older version of a
    /// fingerprint, which may have been less exact.
    SameTextOrLine,
}

/// Returns the index of the finding that each result keeps. The results must be in the order of their lines.
pub(super) fn match_findings(results: &[&ScanResult], findings: &[PresentFinding], rule: Rule) -> Vec<Option<usize>> {
    let artifact = results.first().and_then(|result| result.artifact());
    let mut matching = Matching {
        results,
        findings,
        lines: findings.iter().map(|finding| finding.line_in(artifact.as_deref())).collect(),
        kept: vec![None; results.len()],
        is_free: vec![true; findings.len()],
    };
    matching.match_by_description();
    matching.match_by_message();
    if rule == Rule::Any {
        let reported = matching.results_without(|result| result.suppression.is_none());
        matching.align(&reported, &matching.free_findings());
    }
    matching.match_by_line();
    matching.kept
}

struct Matching<'a> {
    results: &'a [&'a ScanResult],
    findings: &'a [PresentFinding],
    /// The lines of the findings, as far as they have one.
    lines: Vec<Option<u64>>,
    kept: Vec<Option<usize>>,
    is_free: Vec<bool>,
}

impl Matching<'_> {
    fn keep(&mut self, result: usize, finding: usize) {
        if let (Some(kept), Some(is_free)) = (self.kept.get_mut(result), self.is_free.get_mut(finding)) {
            *kept = Some(finding);
            *is_free = false;
        }
    }

    /// The results without a finding that satisfy the condition.
    fn results_without(&self, condition: impl Fn(&ScanResult) -> bool) -> Vec<usize> {
        let results = self.results.iter().zip(&self.kept).enumerate();
        results.filter(|(_, (result, kept))| kept.is_none() && condition(result)).map(|(index, _)| index).collect()
    }

    fn is_closed(&self, finding: usize) -> bool {
        self.findings.get(finding).is_some_and(|finding| finding.is_closed)
    }

    fn free_findings(&self) -> Vec<usize> {
        let free = self.is_free.iter().enumerate().filter(|(_, is_free)| **is_free);
        free.map(|(index, _)| index).collect()
    }

    fn match_by_description(&mut self) {
        let mut classes: HashMap<[u8; 32], (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (index, result) in self.results.iter().enumerate() {
            classes.entry(result.description_digest).or_default().0.push(index);
        }
        for (index, finding) in self.findings.iter().enumerate() {
            classes.entry(finding.description_digest()).or_default().1.push(index);
        }
        for (results, findings) in classes.into_values() {
            self.align(&results, &findings);
        }
    }

    fn match_by_message(&mut self) {
        let (results, findings) = (self.results, self.findings);
        let mut classes: BTreeMap<(Reverse<usize>, &str), Vec<usize>> = BTreeMap::new();
        for index in self.results_without(|result| !result.message().is_empty()) {
            let message = results.get(index).map_or("", |result| result.message());
            classes.entry((Reverse(message.len()), message)).or_default().push(index);
        }
        let mut by_description: Vec<(&str, usize)> = self
            .free_findings()
            .into_iter()
            .filter_map(|index| Some((findings.get(index)?.description.as_str(), index)))
            .collect();
        by_description.sort_unstable();
        for ((_, message), class) in classes {
            // Those that begin with the message follow each other.
            let first = by_description.partition_point(|(description, _)| *description < message);
            let beginning = by_description.iter().skip(first).take_while(|(text, _)| text.starts_with(message));
            let mut same: Vec<usize> = beginning
                .filter(|(description, index)| {
                    self.is_free.get(*index) == Some(&true) && has_message(description, message)
                })
                .map(|(_, index)| *index)
                .collect();
            same.sort_unstable();
            self.align(&class, &same);
        }
    }

    /// Aligns results and findings, both of which are in their order.
    fn align(&mut self, results: &[usize], findings: &[usize]) {
        let line_of = |finding: &usize| self.lines.get(*finding).copied().flatten();
        let mut with_line: Vec<(u64, usize)> =
            findings.iter().filter_map(|finding| Some((line_of(finding)?, *finding))).collect();
        with_line.sort_unstable();
        let mut without_line: Vec<usize> =
            findings.iter().copied().filter(|finding| line_of(finding).is_none()).collect();
        without_line.sort_by_key(|finding| self.is_closed(*finding));
        let result_lines: Vec<ResultLine> = results
            .iter()
            .filter_map(|index| self.results.get(*index))
            .map(|result| ResultLine { line: result.line, is_suppressed: result.suppression.is_some() })
            .collect();
        let lines: Vec<FindingLine> = with_line
            .iter()
            .map(|(line, finding)| FindingLine { line: *line, is_closed: self.is_closed(*finding) })
            .collect();
        let mut pairs: Vec<(usize, usize)> = align(&result_lines, &lines)
            .into_iter()
            .filter_map(|(result, finding)| Some((*results.get(result)?, with_line.get(finding)?.1)))
            .collect();
        pairs.sort_unstable();
        self.keep_pairs(results, &pairs);
        let is_suppressed = |index: &usize| self.results.get(*index).is_some_and(|result| result.suppression.is_some());
        let is_without = |index: &&usize| self.kept.get(**index) == Some(&None);
        let mut others: Vec<usize> = results.iter().filter(is_without).copied().collect();
        others.sort_by_key(is_suppressed);
        for (result, finding) in others.into_iter().zip(without_line) {
            self.keep(result, finding);
        }
    }

    /// Keeps the findings of these pairs. Of results that only title or severity tell apart, each keeps the one that has
    /// its own.
    fn keep_pairs(&mut self, results: &[usize], pairs: &[(usize, usize)]) {
        let all = self.results;
        let position = |index: &usize| all.get(*index).map(|result| (result.suppression.is_some(), result.line));
        let mut findings: HashMap<_, Vec<usize>> = HashMap::new();
        for (result, finding) in pairs {
            findings.entry(position(result)).or_default().push(*finding);
        }
        let mut members: HashMap<_, Vec<usize>> = HashMap::new();
        for result in results {
            members.entry(position(result)).or_default().push(*result);
        }
        for (position, mut findings) in findings {
            findings.sort_unstable();
            let look = |finding: &usize| self.findings.get(*finding).map(|finding| (finding.severity, &finding.title));
            let mut by_look: HashMap<_, VecDeque<usize>> = HashMap::new();
            for finding in &findings {
                by_look.entry(look(finding)).or_default().push_back(*finding);
            }
            let (mut kept, mut others) = (Vec::new(), Vec::new());
            for result in members.remove(&position).unwrap_or_default() {
                let look = all.get(result).map(|result| (result.outline.severity, &result.outline.title));
                match by_look.get_mut(&look).and_then(VecDeque::pop_front) {
                    Some(finding) => kept.push((result, finding)),
                    None => others.push(result),
                }
            }
            let mut free: Vec<usize> = by_look.into_values().flatten().collect();
            free.sort_unstable();
            kept.extend(others.into_iter().zip(free));
            kept.into_iter().for_each(|(result, finding)| self.keep(result, finding));
        }
    }

    /// Matches those at one line, those that are not suppressed first.
    fn match_by_line(&mut self) {
        let mut at_line: HashMap<u64, VecDeque<usize>> = HashMap::new();
        let mut free = self.free_findings();
        free.sort_by_key(|finding| self.is_closed(*finding));
        for index in free {
            if let Some(line) = self.lines.get(index).copied().flatten().filter(|line| *line > 0) {
                at_line.entry(line).or_default().push_back(index);
            }
        }
        let mut others = self.results_without(|_| true);
        others.sort_by_key(|index| self.results.get(*index).is_some_and(|result| result.suppression.is_some()));
        for result in others {
            let line = self.results.get(result).map_or(0, |result| result.line);
            if let Some(finding) = at_line.get_mut(&line).and_then(VecDeque::pop_front) {
                self.keep(result, finding);
            }
        }
    }
}
