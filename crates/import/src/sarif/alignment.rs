//! The alignment of results with findings by their lines, in the way of a diff: what is inserted or removed above them
//! shifts many of them by the same number of lines.
//!
//! An alignment keeps both in their order. A result without a finding, a finding without a result, and each change of the
//! shift cost 1; the first shift is 0. The cheapest alignment is chosen. Of equally cheap ones, that is chosen which
//! leaves more findings at their very line, then that which serves more results, those that are not suppressed first, then
//! that whose pairs fit better, and then that which moves them less far.

use std::collections::{HashMap, VecDeque};

/// The maximum number of pairs that are weighed. Beyond it, results keep the findings at their lines, and the others
/// follow in their order.
const MAX_PAIRS: usize = 1_000_000;

/// The distance from which on a move counts as equally far.
const MAX_DISTANCE: u64 = 1 << 40;

/// The line of a result, and whether it is suppressed.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResultLine {
    pub(super) line: u64,
    pub(super) is_suppressed: bool,
}

/// The merit of an alignment; the greatest is the best. Its total is 2 for each pair less 1 for each change of the shift,
/// since a pair saves the cost of a result and of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    total: i32,
    at_their_lines: i32,
    served: i32,
    fit: i32,
    nearness: i64,
}

/// An alignment by its last pair, which is none at the start.
type Alignment = (Score, Option<usize>);

/// Returns pairs of a result and a finding, by their indexes. Both lists must be in the order of their lines. `fit` says
/// how well a result and a finding fit beside their lines; `None` if they may be no pair. Of [very many](is_too_large), it
/// is not asked.
pub(super) fn align(
    results: &[ResultLine],
    findings: &[u64],
    fit: impl Fn(usize, usize) -> Option<i32>,
) -> Vec<(usize, usize)> {
    let fits_in_order = || (0..results.len()).all(|index| fit(index, index).is_some());
    if results.iter().map(|result| result.line).eq(findings.iter().copied()) && fits_in_order() {
        return (0..results.len()).map(|index| (index, index)).collect();
    }
    if is_too_large(results.len(), findings.len()) {
        return align_many(results, findings);
    }
    let result_lines = with_occurrences(results.iter().map(|result| result.line));
    let finding_lines = with_occurrences(findings.iter().copied());
    // The best alignment that ends with each shift. As lines with occurrences are distinct, all its pairs are before the
    // next one with that shift.
    let mut by_shift: HashMap<(i64, i64), Alignment> = HashMap::from([((0, 0), Alignment::default())]);
    // The best alignment of the results so far with the findings before each index.
    let mut before = vec![Alignment::default(); findings.len() + 1];
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(results.len() * findings.len());
    for (index, (result, (result_line, occurrence))) in results.iter().zip(result_lines).enumerate() {
        let mut row = Alignment::default();
        let mut best_in_row = Vec::with_capacity(findings.len());
        let columns = finding_lines.iter().zip(&before).enumerate();
        for (finding, (&(finding_line, finding_occurrence), &(other, end))) in columns {
            let Some(fit) = fit(index, finding) else {
                previous.push(None);
                best_in_row.push(row);
                continue;
            };
            let shift = (result_line.cast_signed() - finding_line.cast_signed(), occurrence - finding_occurrence);
            let changed = (Score { total: other.total - 1, ..other }, end);
            let same = by_shift.get(&shift).copied().filter(|same| same.0 >= changed.0);
            let (score, end) = same.unwrap_or(changed);
            let pair = previous.len();
            previous.push(end);
            let distance = shift.0.unsigned_abs().min(MAX_DISTANCE);
            let extended = Score {
                total: score.total + 2,
                at_their_lines: score.at_their_lines + i32::from(shift.0 == 0),
                served: score.served + if result.is_suppressed { 1 } else { 2 },
                fit: score.fit + fit,
                nearness: score.nearness - distance.cast_signed(),
            };
            if by_shift.get(&shift).is_none_or(|best| extended > best.0) {
                by_shift.insert(shift, (extended, Some(pair)));
            }
            if extended > row.0 {
                row = (extended, Some(pair));
            }
            best_in_row.push(row);
        }
        for (best, of_row) in before.iter_mut().skip(1).zip(best_in_row) {
            if of_row.0 > best.0 {
                *best = of_row;
            }
        }
    }
    let mut last = before.last().and_then(|(_, pair)| *pair);
    let mut pairs = Vec::new();
    while let Some(pair) = last {
        pairs.push((pair / findings.len(), pair % findings.len()));
        last = previous.get(pair).copied().flatten();
    }
    pairs
}

/// Whether there are too many results and findings to weigh their pairs.
pub(super) const fn is_too_large(results: usize, findings: usize) -> bool {
    results.saturating_mul(findings) > MAX_PAIRS
}

/// The lines, each with the number of those before it that are the same.
fn with_occurrences(lines: impl Iterator<Item = u64>) -> Vec<(u64, i64)> {
    let mut numbered: Vec<(u64, i64)> = Vec::new();
    for line in lines {
        let occurrence = numbered.last().filter(|last| last.0 == line).map_or(0, |last| last.1 + 1);
        numbered.push((line, occurrence));
    }
    numbered
}

fn align_many(results: &[ResultLine], findings: &[u64]) -> Vec<(usize, usize)> {
    let mut at_line: HashMap<u64, VecDeque<usize>> = HashMap::new();
    for (index, line) in findings.iter().enumerate() {
        at_line.entry(*line).or_default().push_back(index);
    }
    let mut pairs = Vec::new();
    let mut others = Vec::new();
    for (index, result) in results.iter().enumerate() {
        match at_line.get_mut(&result.line).and_then(VecDeque::pop_front) {
            Some(finding) => pairs.push((index, finding)),
            None => others.push(index),
        }
    }
    let mut free: Vec<usize> = at_line.into_values().flatten().collect();
    free.sort_unstable();
    others.sort_by_key(|index| results.get(*index).is_some_and(|result| result.is_suppressed));
    pairs.extend(others.into_iter().zip(free));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(results: &[u64], findings: &[u64]) -> Vec<(u64, u64)> {
        let lines: Vec<_> = results.iter().map(|line| ResultLine { line: *line, is_suppressed: false }).collect();
        let mut pairs = align(&lines, findings, |_, _| Some(0));
        pairs.sort_unstable();
        pairs.into_iter().map(|(result, finding)| (findings[finding], results[result])).collect()
    }

    #[test]
    fn findings_follow_the_shift_of_their_results() {
        assert_eq!(aligned(&[11, 12, 13, 14], &[10, 11, 12, 13]), [(10, 11), (11, 12), (12, 13), (13, 14)]);
        assert_eq!(aligned(&[11, 31, 51], &[10, 30, 50]), [(10, 11), (30, 31), (50, 51)]);
        assert_eq!(aligned(&[10, 30, 45, 55], &[10, 30, 40, 50]), [(10, 10), (30, 30), (40, 45), (50, 55)]);
        assert_eq!(aligned(&[12, 12, 22], &[10, 10, 20]), [(10, 12), (10, 12), (20, 22)]);
    }

    #[test]
    fn a_finding_whose_result_is_still_there_stays_where_it_is() {
        assert_eq!(aligned(&[5, 10], &[10, 20]), [(10, 10)]);
        assert_eq!(aligned(&[20, 30], &[10, 20, 30]), [(20, 20), (30, 30)]);
        assert_eq!(aligned(&[5, 10, 20, 30], &[10, 20]), [(10, 10), (20, 20)]);
        assert_eq!(aligned(&[15, 20], &[10, 20]), [(10, 15), (20, 20)]);
    }

    #[test]
    fn a_finding_that_moved_goes_to_the_nearest_result_and_one_that_is_not_suppressed_comes_first() {
        assert_eq!(aligned(&[10, 103, 200], &[100]), [(100, 103)]);
        assert_eq!(aligned(&[100], &[10, 103, 200]), [(103, 100)]);
        let lines = [(101, true), (105, false)].map(|(line, is_suppressed)| ResultLine { line, is_suppressed });
        assert_eq!(align(&lines, &[100], |_, _| Some(0)), [(1, 0)]);
        assert_eq!(align(&lines, &[101], |_, _| Some(0)), [(0, 0)], "it is at its very line");
    }

    #[test]
    fn a_result_that_moved_keeps_the_finding_that_fits_better_rather_than_one_that_is_nearer() {
        let fit = |_, finding| Some(i32::from(finding == 1));
        let at = |line| align(&[ResultLine { line, is_suppressed: false }], &[10, 20], fit);
        assert_eq!(at(12), [(0, 1)]);
        assert_eq!(at(10), [(0, 0)], "it is at its very line");
    }

    #[test]
    fn what_may_be_no_pair_is_none_even_at_one_line() {
        let lines = [10, 20].map(|line| ResultLine { line, is_suppressed: false });
        let others = |result, finding| (result != finding).then_some(0);
        assert_eq!(align(&lines, &[10, 20], others).len(), 1);
        assert_eq!(align(&lines, &[10, 20], |_, _| None), []);
    }

    #[test]
    fn of_very_many_those_at_their_lines_stay_and_the_others_follow_in_their_order() {
        let findings: Vec<u64> = (0..1_100).collect();
        let results: Vec<u64> = (1..1_000).chain(2_000..2_003).collect();
        let pairs = aligned(&results, &findings);
        assert_eq!(pairs.len(), results.len());
        assert!(pairs.iter().take(999).all(|(finding, result)| finding == result));
        assert_eq!(pairs[999..], [(0, 2_000), (1_000, 2_001), (1_001, 2_002)]);
    }
}
