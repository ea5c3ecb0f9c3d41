//! The rate limits of the server: in memory if it is the only server, otherwise shared with the others.

use std::sync::Arc;

use limits::{LeasedLimits, LimitStore, MemoryLimits, SharedBuckets};
use limits_redis::RedisBuckets;

use crate::{
    compose::Installation,
    failure::Failure,
    serve::metrics::{MeteredBuckets, Metrics},
    settings::Settings,
};

/// Maximum number of buckets in memory, of about 200 bytes each.
const MAX_CACHED_BUCKETS: usize = 100_000;

/// Prefix of the keys in Redis.
const REDIS_KEY_PREFIX: &str = "novantra";

/// The rate limits of the server.
pub(crate) struct RateLimits {
    pub(crate) store: Arc<dyn LimitStore>,
    /// `None` if the limits are in memory.
    pub(crate) shared: Option<SharedLimits>,
}

/// Rate limits shared with other servers.
pub(crate) struct SharedLimits {
    pub(crate) buckets: Arc<dyn SharedBuckets>,
    /// The limits of this server, leased from the buckets.
    pub(crate) leased: Arc<LeasedLimits>,
}

impl RateLimits {
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
}
