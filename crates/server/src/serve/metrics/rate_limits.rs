//! The Prometheus metrics of rate limits that several servers share.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{Exchange, ExchangeResult, SharedBuckets};
use prometheus::{IntCounter, Opts};

use super::Metrics;
use crate::failure::Failure;

/// Counts the requests to the shared buckets.
pub(crate) struct MeteredBuckets {
    buckets: Arc<dyn SharedBuckets>,
    leases: IntCounter,
    failures: IntCounter,
}

impl MeteredBuckets {
    /// Wraps the buckets and registers the metrics.
    ///
    /// # Errors
    /// If the metrics are registered already.
    pub(crate) fn new(metrics: &Metrics, buckets: Arc<dyn SharedBuckets>) -> Result<Self, Failure> {
        let counter = |name: &str, help: &str| -> Result<IntCounter, Failure> {
            let counter = IntCounter::with_opts(Opts::new(name, help))?;
            metrics.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        Ok(Self {
            leases: counter("novantra_rate_limit_leases_total", "Requests to the shared rate limits for leases.")?,
            failures: counter(
                "novantra_rate_limit_lease_failures_total",
                "Requests to the shared rate limits that failed.",
            )?,
            buckets,
        })
    }
}

#[async_trait]
impl SharedBuckets for MeteredBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.leases.inc();
        let result = self.buckets.exchange(exchanges, now).await;
        if result.is_err() {
            self.failures.inc();
        }
        result
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.delete_full(now, limit).await
    }
}
