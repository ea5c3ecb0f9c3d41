//! Measurements: compared cases run alternately, in rounds.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    failure::Outcome,
    http::{Load, LoadResult},
    servers::{MeasuredProgram, Usage},
};

/// The time for which a case runs before it is measured: caches fill, statements are prepared.
const WARM_UP: Duration = Duration::from_millis(800);

/// A case to measure.
pub(crate) struct Case<'a> {
    pub(crate) program: &'a dyn MeasuredProgram,
    pub(crate) load: Load,
}

/// The figures of all rounds of one case.
#[derive(Default)]
pub(crate) struct Figures {
    /// CPU time of the measured program per call, in microseconds, including work that follows the response.
    pub(crate) cpu: Series,
    /// The median latency, in microseconds.
    pub(crate) latency: Series,
    /// Calls per second.
    pub(crate) rate: Series,
    /// CPU time per call by thread, in microseconds.
    threads: BTreeMap<String, Series>,
}

/// One figure of each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series(Vec<f64>);

impl Series {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Returns the median, or NaN without figures.
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

    /// Returns the difference of the highest and the lowest figure, as a share of the median.
    pub(crate) fn spread(&self) -> f64 {
        let lowest = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (highest - lowest) / self.median()
    }
}

impl Figures {
    /// Returns the CPU time per call by thread, in microseconds, highest first.
    pub(crate) fn threads(&self) -> Vec<(&str, f64)> {
        let mut threads: Vec<(&str, f64)> =
            self.threads.iter().map(|(name, series)| (name.as_str(), series.median())).collect();
        threads.sort_unstable_by(|one, other| other.1.total_cmp(&one.1));
        threads
    }

    fn add(&mut self, load: &LoadResult, usage: &Usage) {
        let per_call = |spent: Duration| spent.as_secs_f64() * 1e6 / load.calls as f64;
        self.cpu.push(per_call(usage.total));
        self.latency.push(load.median_latency());
        self.rate.push(load.rate());
        for (name, time) in &usage.threads {
            self.threads.entry(name.clone()).or_default().push(per_call(*time));
        }
    }
}

/// Measures the cases alternately: every round measures each for `window`.
pub(crate) fn measure_interleaved<const N: usize>(
    cases: [Case<'_>; N],
    rounds: usize,
    window: Duration,
) -> Outcome<[Figures; N]> {
    for case in &cases {
        case.load.run(WARM_UP)?;
        case.program.wait_until_idle()?;
    }
    let mut figures = std::array::from_fn(|_| Figures::default());
    for _ in 0..rounds {
        for (case, figures) in cases.iter().zip(&mut figures) {
            let before = case.program.process().usage()?;
            let load = case.load.run(window)?;
            // Work that follows the responses is part of the cost of the calls.
            case.program.wait_until_idle()?;
            figures.add(&load, &case.program.process().usage()?.since(&before));
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
    fn the_median_does_not_depend_on_the_order_of_figures() {
        assert!(equal(series(&[9.0, 1.0, 2.0]).median(), 2.0));
        assert!(equal(series(&[4.0, 1.0, 2.0, 9.0]).median(), 3.0));
        assert!(series(&[]).median().is_nan());
    }

    #[test]
    fn the_spread_is_a_share_of_the_median() {
        assert!(equal(series(&[9.0, 11.0, 10.0]).spread(), 0.2));
    }
}
