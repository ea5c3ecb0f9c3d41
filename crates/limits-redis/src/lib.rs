//! Buckets of rate limits in Redis or Valkey, for installations that keep them out of their database.
//!
//! One script takes from all buckets of a question at once, as [`limits::Take::of`] says. A bucket is one key whose value
//! is its arrival time; it expires by itself some time after it is full.

mod url;

use std::time::Duration;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, STRAY, SharedBuckets, Take, Taken};
use redis::{
    RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

pub use url::{MalformedRedisUrl, RedisUrl};

const SCRIPT: &str = include_str!("take.lua");

/// How long a connection may take to come about, and an answer to arrive.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a call waits in all, a second try on a new connection included.
const IN_ALL: Duration = Duration::from_secs(3);

/// Keeps buckets in Redis or Valkey.
pub struct RedisBuckets {
    connection: ConnectionManager,
    script: Script,
    prefix: String,
}

impl RedisBuckets {
    /// Connects when it is first needed, and again whenever the connection is lost. `prefix` begins the names of all its
    /// keys.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the URL's TLS can't be set up.
    pub fn open(url: &RedisUrl, prefix: &str) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let client = url.client().map_err(unavailable)?;
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(unavailable)?;
        Ok(Self { connection, script: Script::new(SCRIPT), prefix: prefix.to_owned() })
    }

    fn name(&self, key: &BucketKey) -> String {
        let organization = key.organization().map(|organization| organization.ulid().to_string()).unwrap_or_default();
        format!("{}:{}:{organization}:{}", self.prefix, key.bucket().name(), key.subject())
    }

    async fn ask(&self, takes: &[Take], now: Timestamp) -> Result<Vec<i64>, RedisError> {
        let mut question = self.script.prepare_invoke();
        question.arg(STRAY).arg(now.millis() * 1000);
        for take in takes {
            let fresh = take.of(ArrivalTime::FULL, now);
            let span = take.quota.span();
            question.key(self.name(&take.key));
            question.arg(span).arg(take.quota.empty_at(now).0);
            question.arg(fresh.bucket.0 - span * i64::from(fresh.granted));
            question.arg(take.returned).arg(fresh.granted);
        }
        let mut connection = self.connection.clone();
        match question.invoke_async(&mut connection).await {
            // It may have been restarted: the manager has a new connection by the next try. Should the first have come
            // through, its calls are lost until they refill.
            Err(error) if error.is_io_error() || error.is_connection_dropped() => {
                question.invoke_async(&mut connection).await
            }
            answer => answer,
        }
    }
}

#[async_trait]
impl SharedBuckets for RedisBuckets {
    async fn take(&self, takes: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        if takes.is_empty() {
            return Ok(Vec::new());
        }
        let answer = tokio::time::timeout(IN_ALL, self.ask(takes, now)).await;
        let answer = answer.map_err(unavailable)?.map_err(unavailable)?;
        let taken = |pair: &[i64]| {
            let granted = pair.first().and_then(|granted| u32::try_from(*granted).ok())?;
            Some(Taken { granted, bucket: ArrivalTime(*pair.get(1)?) })
        };
        let taken: Option<Vec<Taken>> = answer.chunks(2).map(taken).collect();
        taken.filter(|taken| taken.len() == takes.len()).ok_or_else(|| {
            StoreError::Corrupt("the script of rate limits answered something else than it was asked".into())
        })
    }

    /// Nothing: keys expire by themselves.
    async fn forget_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
