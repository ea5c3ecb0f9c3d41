//! Taking figures: cases that are compared take turns, in rounds.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    failure::Outcome,
    http::{Load, Served},
    servers::{Subject, Usage},
};

/// How long a case is asked before it counts: caches fill, statements are prepared.
const WARM_UP: Duration = Duration::from_millis(800);

/// Something to be measured.
pub(crate) struct Case<'a> {
    pub(crate) subject: &'a dyn Subject,
    pub(crate) load: Load,
}

/// What the rounds of one case came to.
#[derive(Default)]
pub(crate) struct Figures {
    /// CPU time of the subject for one call, in microseconds, with the work that followed the call.
    pub(crate) cpu: Series,
    /// The median latency, in microseconds.
    pub(crate) latency: Series,
    /// Calls a second.
    pub(crate) rate: Series,
    /// CPU time of one call by thread, in microseconds.
    threads: BTreeMap<String, Series>,
}

/// One figure, round by round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The one in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut figures = self.0.clone();
        figures.sort_unstable_by(f64::total_cmp);
        let middle = figures.len() / 2;
        match figures.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => figures[middle],
            _ => f64::midpoint(figures[middle - 1], figures[middle]),
        }
    }

    /// From the least to the most, as a share of the median.
    pub(crate) fn spread(&self) -> f64 {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (most - least) / self.median()
    }
}

impl Figures {
    /// CPU time of one call by thread, in microseconds, the most first.
    pub(crate) fn threads(&self) -> Vec<(&str, f64)> {
        let mut threads: Vec<(&str, f64)> =
            self.threads.iter().map(|(name, series)| (name.as_str(), series.median())).collect();
        threads.sort_unstable_by(|one, other| other.1.total_cmp(&one.1));
        threads
    }

    fn add(&mut self, served: &Served, used: &Usage) {
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / served.calls as f64;
        self.cpu.push(each(used.total));
        self.latency.push(served.median_latency());
        self.rate.push(served.rate());
        for (name, spent) in &used.threads {
            self.threads.entry(name.clone()).or_default().push(each(*spent));
        }
    }
}

/// Measures the cases in turns: every round has a window of each.
pub(crate) fn take_turns<const N: usize>(
    cases: [Case<'_>; N],
    rounds: usize,
    window: Duration,
) -> Outcome<[Figures; N]> {
    for case in &cases {
        case.load.run(WARM_UP)?;
        case.subject.settle()?;
    }
    let mut figures = std::array::from_fn(|_| Figures::default());
    for _ in 0..rounds {
        for (case, figures) in cases.iter().zip(&mut figures) {
            let before = case.subject.process().usage()?;
            let served = case.load.run(window)?;
            // What the calls left to be done later is part of what they cost.
            case.subject.settle()?;
            figures.add(&served, &case.subject.process().usage()?.since(&before));
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(figures: &[f64]) -> Series {
        Series(figures.to_vec())
    }

    fn equal(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn the_median_lies_in_the_middle_whatever_the_order() {
        assert!(equal(series(&[9.0, 1.0, 2.0]).median(), 2.0));
        assert!(equal(series(&[4.0, 1.0, 2.0, 9.0]).median(), 3.0));
        assert!(series(&[]).median().is_nan());
    }

    #[test]
    fn the_spread_is_told_as_a_share_of_the_median() {
        assert!(equal(series(&[9.0, 11.0, 10.0]).spread(), 0.2));
    }
}
