//! The metrics of the search.

use std::time::Duration;

use prometheus::Gauge;

use super::Metrics;
use crate::failure::Failure;

/// The metrics of the task that indexes records.
pub(crate) struct SearchMetrics {
    lag: Gauge,
}

impl SearchMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// If metrics with these names are registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let search = Self {
            lag: Gauge::new(
                "novantra_search_lag_seconds",
                "Age of the first change that the search did not find yet when this server last looked.",
            )?,
        };
        metrics.register(Box::new(search.lag.clone()))?;
        Ok(search)
    }

    /// Records the age of the first change that is not indexed.
    pub(crate) fn record_lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_the_index_is_shown() {
        let metrics = Metrics::new().unwrap();
        let search = SearchMetrics::register(&metrics).unwrap();
        search.record_lag(Duration::from_millis(2500));
        assert!(metrics.encode(&[]).unwrap().contains("novantra_search_lag_seconds 2.5"));
    }
}
