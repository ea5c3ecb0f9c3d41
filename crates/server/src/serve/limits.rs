//! How the server keeps rate limits: by itself where it is the only one, else together with the others.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Clock, StoreError, Timestamp};
use limits::{LeasedLimits, LimitStore, MemoryLimits, SharedBuckets, Take, Taken};
use limits_redis::RedisBuckets;
use prometheus::{IntCounter, Opts};
use tokio::time::MissedTickBehavior;

use crate::{
    compose::Installation,
    failure::Failure,
    serve::{metrics::Metrics, shutdown::Stop},
    settings::Settings,
};

/// How many buckets a server remembers; some 200 bytes each.
const REMEMBERED: usize = 100_000;

/// How often calls that nobody made are given back.
const EVERY: Duration = Duration::from_secs(1);

/// After how many of those rounds buckets that have long been full are forgotten.
const FORGET_EVERY: u32 = 60;

/// How many are forgotten in one statement.
const FORGET: usize = 1000;

/// What the names of keys in Redis begin with.
const PREFIX: &str = "novantra";

/// The server's limits.
pub(crate) struct Limits {
    pub(crate) store: Arc<dyn LimitStore>,
    shared: Option<Shared>,
}

/// What is kept together with other servers.
struct Shared {
    buckets: Arc<dyn SharedBuckets>,
    leased: Arc<LeasedLimits>,
}

impl Limits {
    /// In the Redis that the settings name, else in the database where several servers may share it, else in memory.
    ///
    /// # Errors
    /// When the connection to Redis can't be set up; whether one answers shows later.
    pub(crate) fn of(installation: &Installation, settings: &Settings, metrics: &Metrics) -> Result<Self, Failure> {
        let buckets = match &settings.rate_limit_url {
            Some(url) => Some(Arc::new(RedisBuckets::open(url, PREFIX)?) as Arc<dyn SharedBuckets>),
            None => installation.buckets.clone(),
        };
        let Some(buckets) = buckets else {
            return Ok(Self { store: Arc::new(MemoryLimits::default()), shared: None });
        };
        let buckets: Arc<dyn SharedBuckets> = Arc::new(Counted::among(metrics, buckets)?);
        let spawn = |work| drop(tokio::spawn(work));
        let leased = Arc::new(LeasedLimits::new(Arc::clone(&buckets), spawn, REMEMBERED));
        Ok(Self { store: Arc::clone(&leased) as _, shared: Some(Shared { buckets, leased }) })
    }

    /// Gives back what is held and not used, and forgets what nobody needs, until it is time to stop; then gives back all.
    pub(crate) async fn keep_up(self, clock: Arc<dyn Clock>, mut stop: Stop) {
        let Some(shared) = self.shared else { return };
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 1_u32.. {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                _ = ticks.tick() => {}
            }
            let tended = shared.tend(clock.now(), round.is_multiple_of(FORGET_EVERY)).await;
            if let Err(error) = tended {
                tracing::warn!(%error, "can't tend the shared rate limits");
            }
        }
        if let Err(error) = shared.leased.hand_back_all(clock.now()).await {
            tracing::warn!(%error, "can't give back to the shared rate limits: they refill by themselves");
        }
    }
}

impl Shared {
    async fn tend(&self, now: Timestamp, forgets: bool) -> Result<(), StoreError> {
        self.leased.hand_back(now).await?;
        if forgets { self.forget(now).await } else { Ok(()) }
    }

    async fn forget(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let forgotten = self.buckets.forget_full(now, FORGET).await?;
            if usize::try_from(forgotten).is_ok_and(|forgotten| forgotten < FORGET) {
                return Ok(());
            }
        }
    }
}

/// Counts what is asked.
struct Counted {
    buckets: Arc<dyn SharedBuckets>,
    leases: IntCounter,
    failures: IntCounter,
}

impl Counted {
    fn among(metrics: &Metrics, buckets: Arc<dyn SharedBuckets>) -> Result<Self, Failure> {
        let counter = |name: &str, says: &str| -> Result<IntCounter, Failure> {
            let counter = IntCounter::with_opts(Opts::new(name, says))?;
            metrics.add(Box::new(counter.clone()))?;
            Ok(counter)
        };
        Ok(Self {
            leases: counter("novantra_rate_limit_leases_total", "Times the shared rate limits were asked.")?,
            failures: counter("novantra_rate_limit_lease_failures_total", "Times they did not answer.")?,
            buckets,
        })
    }
}

#[async_trait]
impl SharedBuckets for Counted {
    async fn take(&self, takes: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        self.leases.inc();
        let taken = self.buckets.take(takes, now).await;
        if taken.is_err() {
            self.failures.inc();
        }
        taken
    }

    async fn forget_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.buckets.forget_full(now, limit).await
    }
}
