//! Buckets of rate limits that the servers over one PostgreSQL share.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock, OnceLock},
};

use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, STRAY, SharedBuckets, Take, Taken};
use ulid::Ulid;

use crate::{
    engine::{Cells, Engine, Session, Sql, Value, corrupt},
    store::SqlStore,
};

/// How many buckets one statement asks; there is a text for each number of them.
const TOGETHER: usize = 16;

/// How long a bucket has been full before it is forgotten, in milliseconds: servers' clocks differ.
const FORGOTTEN_MILLIS: i64 = 120_000;

static TAKE: [OnceLock<Sql>; TOGETHER] = [const { OnceLock::new() }; TOGETHER];
/// The newest row counts: a bucket that was taken from since it was found stays.
static FORGET: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "DELETE FROM rate_limits WHERE full_at < ? AND (organization_id, bucket, subject) IN \
         (SELECT organization_id, bucket, subject FROM rate_limits WHERE full_at < ? \
         ORDER BY organization_id, bucket, subject LIMIT ?)",
    )
});

/// Keeps buckets in the table `rate_limits`.
pub struct SqlBuckets {
    engine: Arc<Engine>,
}

/// How a bucket is called in the table: organization, sort and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(String, &'static str, String);

/// A take, by its name and its place among those that were asked for.
#[derive(Debug)]
struct Asked {
    name: Name,
    place: usize,
    take: Take,
}

impl SqlStore {
    /// The buckets that the servers over this database share; none where it is a file, which has one server.
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
    async fn take(&self, takes: &[Take], now: Timestamp) -> Result<Vec<Taken>, StoreError> {
        if takes.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked: Vec<Asked> = takes
            .iter()
            .enumerate()
            .map(|(place, take)| Asked { name: Name::of(&take.key), place, take: *take })
            .collect();
        // In one order on every server, so that no two wait for each other.
        asked.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let mut taken =
            self.engine.write((asked, now), |(asked, now), session| Box::pin(run(session, asked, *now))).await?;
        taken.sort_unstable_by_key(|(place, _)| *place);
        Ok(taken.into_iter().map(|(_, taken)| taken).collect())
    }

    async fn forget_full(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let before = Value::Int((now.millis() - FORGOTTEN_MILLIS) * 1000);
        let values: [Value<'static>; 3] =
            [before.clone(), before, Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
        self.engine.write(values, |values, session| Box::pin(session.execute(&FORGET, values))).await
    }
}

async fn run(session: &mut Session, asked: &[Asked], now: Timestamp) -> Result<Vec<(usize, Taken)>, StoreError> {
    let mut taken = Vec::with_capacity(asked.len());
    for together in asked.chunks(TOGETHER) {
        let sql = TAKE[together.len() - 1].get_or_init(|| take_sql(together.len()));
        let values: Vec<Value<'_>> = together.iter().flat_map(|asked| asked.values(now)).collect();
        taken.extend(session.fetch(sql, &values, |cells| read(cells, together)).await?);
    }
    if taken.len() == asked.len() { Ok(taken) } else { Err(corrupt("a bucket of rate limits did not answer")) }
}

/// Takes from so many buckets. A row that is inserted says what comes of the take where the bucket was never taken from;
/// where it was, the same is reckoned from the row that is there, as `limits::Take::of` does.
fn take_sql(rows: usize) -> Sql {
    let before = format!(
        "GREATEST(CASE WHEN b.full_at > excluded.empty_at + {STRAY} THEN excluded.empty_at ELSE b.full_at END \
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
    Sql::fixed(&text)
}

fn read(cells: &mut Cells<'_>, together: &[Asked]) -> Result<(usize, Taken), StoreError> {
    let (organization, bucket, subject) = (cells.text()?, cells.text()?, cells.text()?);
    let named = |asked: &&Asked| {
        let Name(own, sort, of) = &asked.name;
        own == organization && *sort == bucket && of == subject
    };
    let asked = together.iter().find(named).ok_or_else(|| corrupt("a bucket answered that was not asked"))?;
    let full_at = ArrivalTime(cells.int()?);
    let granted = u32::try_from(cells.int()?).map_err(corrupt)?;
    Ok((asked.place, Taken { granted, bucket: full_at }))
}

impl Name {
    /// Nobody's buckets stand under the nil ULID.
    fn of(key: &BucketKey) -> Self {
        let organization = key.organization().map_or_else(Ulid::nil, |organization| organization.ulid());
        Self(organization.to_string(), key.bucket().name(), key.subject())
    }
}

impl Asked {
    fn values(&self, now: Timestamp) -> [Value<'_>; 8] {
        let quota = self.take.quota;
        let fresh = self.take.of(ArrivalTime::FULL, now);
        let Name(organization, bucket, subject) = &self.name;
        [
            Value::text(organization),
            Value::text(*bucket),
            Value::text(subject),
            Value::Int(fresh.bucket.0),
            Value::Int(quota.empty_at(now).0),
            Value::Int(quota.span()),
            Value::Int(i64::from(self.take.returned)),
            Value::Int(i64::from(fresh.granted)),
        ]
    }
}
