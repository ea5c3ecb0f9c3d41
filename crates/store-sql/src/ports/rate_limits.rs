//! Rate-limit buckets that the servers of one PostgreSQL database share.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock, OnceLock},
};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, Exchange, ExchangeResult, MAX_CLOCK_SKEW, SharedBuckets};
use ulid::Ulid;

use super::SqlStore;
use crate::engine::{Engine, RowReader, Session, Sql, Value, corrupt};

/// The maximum number of buckets per statement. There is one statement for each number of buckets.
const MAX_BUCKETS_PER_STATEMENT: usize = 16;

/// The time for which a bucket must have been full before it is deleted, in milliseconds. It allows for differences
/// between the servers' clocks.
const RETENTION_MILLIS: i64 = 120_000;

static EXCHANGE: [OnceLock<Sql>; MAX_BUCKETS_PER_STATEMENT] = [const { OnceLock::new() }; MAX_BUCKETS_PER_STATEMENT];
/// Deletes full buckets. The outer condition is checked on the newest version of a row, so a bucket that was used since
/// the subquery found it is not deleted.
static DELETE_FULL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "DELETE FROM rate_limits WHERE full_at < ? AND (organization_id, bucket, subject) IN \
         (SELECT organization_id, bucket, subject FROM rate_limits WHERE full_at < ? \
         ORDER BY organization_id, bucket, subject LIMIT ?)",
    )
});

/// Shared buckets, stored in the table `rate_limits`.
pub struct SqlBuckets {
    engine: Arc<Engine>,
}

/// The key of a bucket in the table: organization, bucket name and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct RowKey(String, &'static str, String);

/// An exchange with the key of its bucket and its index in the request.
#[derive(Debug)]
struct IndexedExchange {
    key: RowKey,
    index: usize,
    exchange: Exchange,
}

impl SqlStore {
    /// The buckets that the servers of this database share. `None` on SQLite, which has a single server.
    #[must_use]
    pub fn shared_buckets(&self) -> Option<SqlBuckets> {
        match *self.engine {
            Engine::Postgres(_) => Some(SqlBuckets { engine: Arc::clone(&self.engine) }),
            Engine::Sqlite(_) => None,
        }
    }
}

#[async_trait]
impl SharedBuckets for SqlBuckets {
    async fn exchange(&self, exchanges: &[Exchange], now: Timestamp) -> Result<Vec<ExchangeResult>, StoreError> {
        if exchanges.is_empty() {
            return Ok(Vec::new());
        }
        let mut indexed: Vec<IndexedExchange> = exchanges
            .iter()
            .enumerate()
            .map(|(index, exchange)| IndexedExchange {
                key: RowKey::from_bucket_key(&exchange.key),
                index,
                exchange: *exchange,
            })
            .collect();
        // In the same order on every server, so that no two transactions deadlock.
        indexed.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let mut results = self
            .engine
            .write((indexed, now), |(indexed, now), session| Box::pin(exchange_all(session, indexed, *now)))
            .await?;
        results.sort_unstable_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    async fn delete_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let before = Value::Int((now.millis() - RETENTION_MILLIS) * 1000);
        let values: [Value<'static>; 3] =
            [before.clone(), before, Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        self.engine.write(values, |values, session| Box::pin(session.execute(&DELETE_FULL, values))).await
    }
}

async fn exchange_all(
    session: &mut Session,
    exchanges: &[IndexedExchange],
    now: Timestamp,
) -> Result<Vec<(usize, ExchangeResult)>, StoreError> {
    let mut results = Vec::with_capacity(exchanges.len());
    for chunk in exchanges.chunks(MAX_BUCKETS_PER_STATEMENT) {
        let sql = EXCHANGE[chunk.len() - 1].get_or_init(|| exchange_sql(chunk.len()));
        let values: Vec<Value<'_>> = chunk.iter().flat_map(|exchange| exchange.values(now)).collect();
        results.extend(session.fetch(sql, &values, |cells| read_result(cells, chunk)).await?);
    }
    if results.len() == exchanges.len() { Ok(results) } else { Err(corrupt("a rate-limit bucket returned no row")) }
}

/// Exchanges with this number of buckets. An inserted row holds the result for a bucket that is full. If the bucket has
/// a row, the result is computed from that row, as in `limits::Exchange`.
fn exchange_sql(rows: usize) -> Sql {
    let before = format!(
        "GREATEST(CASE WHEN b.full_at > excluded.empty_at + {MAX_CLOCK_SKEW} THEN excluded.empty_at ELSE b.full_at END \
         - excluded.returned * excluded.span, excluded.full_at - excluded.granted * excluded.span)"
    );
    let granted = format!("GREATEST(0, LEAST(excluded.granted, (excluded.empty_at - {before}) / excluded.span))");
    let mut text = "INSERT INTO rate_limits AS b \
                    (organization_id, bucket, subject, full_at, empty_at, span, returned, granted) VALUES "
        .to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { "(?, ?, ?, ?, ?, ?, ?, ?)" } else { ", (?, ?, ?, ?, ?, ?, ?, ?)" });
    }
    let _ = write!(
        text,
        " ON CONFLICT (organization_id, bucket, subject) DO UPDATE SET \
         full_at = {before} + {granted} * excluded.span, empty_at = excluded.empty_at, span = excluded.span, \
         returned = excluded.returned, granted = {granted} \
         RETURNING organization_id, bucket, subject, full_at, granted"
    );
    Sql::from_text(&text)
}

fn read_result(cells: &mut RowReader<'_>, chunk: &[IndexedExchange]) -> Result<(usize, ExchangeResult), StoreError> {
    let (organization, bucket, subject) = (cells.text()?, cells.text()?, cells.text()?);
    let has_key = |exchange: &&IndexedExchange| {
        let RowKey(own_organization, own_bucket, own_subject) = &exchange.key;
        own_organization == organization && *own_bucket == bucket && own_subject == subject
    };
    let exchange =
        chunk.iter().find(has_key).ok_or_else(|| corrupt("an unrequested rate-limit bucket was returned"))?;
    let full_at = ArrivalTime(cells.int()?);
    let granted = u32::try_from(cells.int()?).map_err(corrupt)?;
    Ok((exchange.index, ExchangeResult { granted, bucket: full_at }))
}

impl RowKey {
    /// The key in the table. Buckets without an organization have the nil ULID.
    fn from_bucket_key(key: &BucketKey) -> Self {
        let organization = key.organization().map_or_else(Ulid::nil, |organization| organization.ulid());
        Self(organization.to_string(), key.bucket().name(), key.subject())
    }
}

impl IndexedExchange {
    fn values(&self, now: Timestamp) -> [Value<'_>; 8] {
        let quota = self.exchange.quota;
        let fresh = self.exchange.apply(ArrivalTime::FULL, now);
        let RowKey(organization, bucket, subject) = &self.key;
        [
            Value::text(organization),
            Value::text(*bucket),
            Value::text(subject),
            Value::Int(fresh.bucket.0),
            Value::Int(quota.empty_at(now).0),
            Value::Int(quota.emission_interval()),
            Value::Int(i64::from(self.exchange.returned)),
            Value::Int(i64::from(fresh.granted)),
        ]
    }
}
