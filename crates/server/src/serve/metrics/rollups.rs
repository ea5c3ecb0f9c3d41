//! The metrics of rollups.

use std::time::Duration;

use prometheus::{Gauge, IntCounter};

use super::Metrics;
use crate::failure::Failure;

/// The metrics of the task that counts records.
pub(crate) struct RollupMetrics {
    counted: IntCounter,
    lag: Gauge,
}

impl RollupMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If metrics with these names are registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let rollups = Self {
            counted: IntCounter::new("novantra_rollups_counted_total", "Counts of records made by this server.")?,
            lag: Gauge::new(
                "novantra_rollup_lag_seconds",
                "Seconds since this server last checked that the counts of records are complete.",
            )?,
        };
        metrics.register(Box::new(rollups.counted.clone()))?;
        metrics.register(Box::new(rollups.lag.clone()))?;
        Ok(rollups)
    }

    /// Records a run that made this many counts.
    pub(crate) fn record_run(&self, counted: usize) {
        self.counted.inc_by(counted as u64);
        self.lag.set(0.0);
    }

    /// Records that the last run which succeeded was this long ago.
    pub(crate) fn record_failure(&self, since: Duration) {
        self.lag.set(since.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_and_failures_show_the_lag() {
        let metrics = Metrics::new().unwrap();
        let rollups = RollupMetrics::register(&metrics).unwrap();
        rollups.record_run(3);
        rollups.record_failure(Duration::from_millis(1500));
        let text = metrics.encode(&[]).unwrap();
        for line in ["novantra_rollups_counted_total 3", "novantra_rollup_lag_seconds 1.5"] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        rollups.record_run(0);
        assert!(metrics.encode(&[]).unwrap().contains("novantra_rollup_lag_seconds 0"));
    }
}
