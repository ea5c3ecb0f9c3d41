//! Rate limit buckets in Redis or Valkey, for installations that don't hold them in their database.
//!
//! A single script performs all exchanges of a request, as [`limits::Exchange::apply`] defines. A bucket is one key
//! whose value is the arrival time; the key expires some time after the bucket is full.

mod url;

use std::time::Duration;

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, Exchange, ExchangeResult, MAX_CLOCK_SKEW, SharedBuckets};
use redis::{
    RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

pub use url::{MalformedRedisUrl, RedisUrl};

const SCRIPT: &str = include_str!("take.lua");

/// The timeout of a connection attempt, and of a response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The timeout of a call, including a second attempt on a new connection.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Shared buckets in Redis or Valkey.
pub struct RedisBuckets {
    connection: ConnectionManager,
    script: Script,
    prefix: String,
}

impl RedisBuckets {
    /// Opens the buckets. The connection is made on first use, and again whenever it is lost. All keys begin with
    /// `prefix`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if TLS can't be set up for the URL.
    pub fn open(url: &RedisUrl, prefix: &str) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(REQUEST_TIMEOUT))
            .set_response_timeout(Some(REQUEST_TIMEOUT));
        let client = url.client().map_err(unavailable)?;
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(unavailable)?;
        Ok(Self { connection, script: Script::new(SCRIPT), prefix: prefix.to_owned() })
    }

    fn key_name(&self, key: &BucketKey) -> String {
        let organization = key.organization().map(|organization| organization.ulid().to_string()).unwrap_or_default();
        format!("{}:{}:{organization}:{}", self.prefix, key.bucket().name(), key.subject())
    }

    async fn run_script(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<i64>, RedisError> {
        let mut invocation = self.script.prepare_invoke();
        invocation.arg(MAX_CLOCK_SKEW).arg(now.millis() * 1000);
        for exchange in exchanges {
            let on_full = exchange.apply(ArrivalTime::FULL, now);
            let interval = exchange.quota.emission_interval();
            invocation.key(self.key_name(&exchange.key));
            invocation.arg(interval).arg(exchange.quota.empty_at(now).0);
            invocation.arg(on_full.bucket.0 - interval * i64::from(on_full.granted));
            invocation.arg(exchange.returned).arg(on_full.granted);
        }
        let mut connection = self.connection.clone();
        match invocation.invoke_async(&mut connection).await {
            // Redis may have been restarted, so this is tried once more on a new connection. If the first attempt was
            // performed, its calls are lost until they refill.
            Err(error) if error.is_io_error() || error.is_connection_dropped() => {
                invocation.invoke_async(&mut connection).await
            }
            result => result,
        }
    }
}

#[async_trait]
impl SharedBuckets for RedisBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        if exchanges.is_empty() {
            return Ok(Vec::new());
        }
        let reply = tokio::time::timeout(TOTAL_TIMEOUT, self.run_script(exchanges, now)).await;
        let reply = reply.map_err(unavailable)?.map_err(unavailable)?;
        let parse = |pair: &[i64]| {
            let granted = pair.first().and_then(|granted| u32::try_from(*granted).ok())?;
            Some(ExchangeResult { granted, bucket: ArrivalTime(*pair.get(1)?) })
        };
        let results: Option<Vec<ExchangeResult>> = reply.chunks(2).map(parse).collect();
        results
            .filter(|results| results.len() == exchanges.len())
            .ok_or_else(|| StoreError::Corrupt("the rate limit script in Redis returned an unexpected result".into()))
    }

    /// Does nothing, since Redis expires the keys.
    async fn delete_full(&self, _: Timestamp, _: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
