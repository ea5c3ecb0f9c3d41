//! The rate limits of the server: in memory if it is the only server, otherwise shared with the others.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Clock, StoreError, Timestamp};
use limits::{Exchange, ExchangeResult, LeasedLimits, LimitStore, MemoryLimits, SharedBuckets};
use limits_redis::RedisBuckets;
use prometheus::{IntCounter, Opts};
use tokio::time::MissedTickBehavior;

use crate::{
    compose::Installation,
    failure::Failure,
    serve::{metrics::Metrics, shutdown::ShutdownSignal},
    settings::Settings,
};

/// Maximum number of buckets in memory, of about 200 bytes each.
const MAX_CACHED_BUCKETS: usize = 100_000;

/// Interval of returning unused leases to the shared buckets.
const RETURN_INTERVAL: Duration = Duration::from_secs(1);

/// Number of these intervals after which buckets that have been full for long are deleted.
const TICKS_PER_CLEANUP: u32 = 60;

/// Number of buckets deleted in one statement.
const CLEANUP_BATCH: usize = 1000;

/// Prefix of the keys in Redis.
const REDIS_KEY_PREFIX: &str = "novantra";

/// The rate limits of the server.
pub(crate) struct Limits {
    pub(crate) store: Arc<dyn LimitStore>,
    shared: Option<SharedLimits>,
}

/// Rate limits shared with other servers.
struct SharedLimits {
    buckets: Arc<dyn SharedBuckets>,
    leased: Arc<LeasedLimits>,
}

impl Limits {
    /// Creates the limits in the Redis of the settings, otherwise in the database if several servers may share it,
    /// otherwise in memory.
    ///
    /// # Errors
    /// If the Redis URL is invalid. An unreachable Redis shows later.
    pub(crate) fn new(installation: &Installation, settings: &Settings, metrics: &Metrics) -> Result<Self, Failure> {
        let buckets = match &settings.rate_limit_url {
            Some(url) => Some(Arc::new(RedisBuckets::open(url, REDIS_KEY_PREFIX)?) as Arc<dyn SharedBuckets>),
            None => installation.buckets.clone(),
        };
        let Some(buckets) = buckets else {
            return Ok(Self { store: Arc::new(MemoryLimits::default()), shared: None });
        };
        let buckets: Arc<dyn SharedBuckets> = Arc::new(MeteredBuckets::new(metrics, buckets)?);
        let spawn = |work| drop(tokio::spawn(work));
        let leased = Arc::new(LeasedLimits::new(Arc::clone(&buckets), spawn, MAX_CACHED_BUCKETS));
        Ok(Self { store: Arc::clone(&leased) as _, shared: Some(SharedLimits { buckets, leased }) })
    }

    /// Returns unused leases and deletes full buckets until shutdown, then returns all leases.
    pub(crate) async fn run(self, clock: Arc<dyn Clock>, mut stop: ShutdownSignal) {
        let Some(shared) = self.shared else { return };
        let mut ticks = tokio::time::interval(RETURN_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 1_u32.. {
            tokio::select! {
                biased;
                () = stop.requested() => break,
                _ = ticks.tick() => {}
            }
            let result = shared.maintain(clock.now(), tick.is_multiple_of(TICKS_PER_CLEANUP)).await;
            if let Err(error) = result {
                tracing::warn!(%error, "can't return unused leases to the shared rate limits; trying again in 1 s");
            }
        }
        if let Err(error) = shared.leased.return_all(clock.now()).await {
            tracing::warn!(%error, "can't return unused leases to the shared rate limits at shutdown; the limits refill over time");
        }
    }
}

impl SharedLimits {
    async fn maintain(&self, now: Timestamp, delete_full: bool) -> Result<(), StoreError> {
        self.leased.return_unused(now).await?;
        if delete_full { self.delete_full(now).await } else { Ok(()) }
    }

    async fn delete_full(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let deleted = self.buckets.delete_full(now, CLEANUP_BATCH).await?;
            if usize::try_from(deleted).is_ok_and(|deleted| deleted < CLEANUP_BATCH) {
                return Ok(());
            }
        }
    }
}

/// Counts the requests to the shared buckets.
struct MeteredBuckets {
    buckets: Arc<dyn SharedBuckets>,
    leases: IntCounter,
    failures: IntCounter,
}

impl MeteredBuckets {
    fn new(metrics: &Metrics, buckets: Arc<dyn SharedBuckets>) -> Result<Self, Failure> {
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
    async fn exchange(&self, takes: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        self.leases.inc();
        let result = self.buckets.exchange(takes, now).await;
        if result.is_err() {
            self.failures.inc();
        }
        result
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.delete_full(now, limit).await
    }
}
