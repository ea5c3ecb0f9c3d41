//! Idempotency records, which are the first row that a commit writes.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use bytes::Bytes;
use kernel::{
    CommitError, Fingerprint, IdempotencyKey, IdempotencyRecord, OrganizationId, StoreError, StoredResponse, Timestamp,
};
use ulid::Ulid;

use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value, corrupt},
    schema::tables::IDEMPOTENCY,
};

/// Inserts a record, replacing one that has expired.
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO idempotency (organization_id, account_id, operation, key, fingerprint, status, headers, body, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (organization_id, account_id, operation, key) DO UPDATE SET \
         fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, \
         body = excluded.body, expires_at = excluded.expires_at WHERE idempotency.expires_at <= ?",
    )
});
/// Inserts several records. An existing record is a conflict, even if it has expired.
static INSERT_ALL: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(IDEMPOTENCY.name, &IDEMPOTENCY.columns));
/// Selects a record by key. The expiry is not a condition, because a planner without statistics could choose its index.
static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT expires_at, fingerprint, status, headers, body FROM idempotency \
         WHERE organization_id = ? AND account_id = ? AND operation = ? AND key = ?",
    )
});

static STORED_BYTES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT CAST(coalesce(sum(length(body)), 0) AS bigint) FROM idempotency \
         WHERE organization_id = ? AND account_id = ?",
    )
});

/// Inserts a record, unless there is one for the same key that has not expired at `now`.
pub(crate) async fn insert(session: &Session, record: &IdempotencyRecord, now: Timestamp) -> Result<(), CommitError> {
    let mut values = row(record);
    values.push(now.into());
    if session.execute(&INSERT, &values).await? == 1 {
        return Ok(());
    }
    match self::stored_response(session, &record.key, now).await? {
        Some((fingerprint, response)) if fingerprint == record.fingerprint => Err(CommitError::Duplicate(response)),
        Some(_) => Err(CommitError::KeyReused),
        None => Err(corrupt("the idempotency key conflicts with a record that can't be found").into()),
    }
}

/// Inserts all records whose keys have none yet. Returns whether those were all of them.
pub(crate) async fn insert_all(session: &Session, records: &[&IdempotencyRecord]) -> Result<bool, StoreError> {
    let rows: Vec<_> = records.iter().map(|record| row(record)).collect();
    Ok(session.insert_each(&INSERT_ALL, &rows).await? == records.len() as u64)
}

fn row(record: &IdempotencyRecord) -> Vec<Value<'_>> {
    let response = &record.response;
    let mut row = Vec::with_capacity(10);
    row.extend(key_values(&record.key));
    row.extend([
        Value::from(fingerprint_text(record.fingerprint)),
        Value::Int(i64::from(response.status)),
        Value::from(headers_text(&response.headers)),
        Value::Blob(Cow::Borrowed(&response.body)),
        record.expires_at.into(),
    ]);
    row
}

/// The stored response for a key, with the fingerprint of its request.
pub(crate) async fn stored_response(
    session: &Session,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
    let stored = session.fetch_one(&SELECT, &key_values(key), |cells| Ok((cells.time()?, read(cells)?))).await?;
    Ok(stored.filter(|(expires_at, _)| *expires_at > now).map(|(_, response)| response))
}

/// The size of the responses stored for the keys of an account. The bodies themselves are not read.
pub(crate) async fn stored_bytes(
    session: &Session,
    organization: OrganizationId,
    account: Ulid,
) -> Result<u64, StoreError> {
    let stored =
        session.fetch_one(&STORED_BYTES, &[organization.into(), account.into()], |cells| cells.count()).await?;
    Ok(stored.unwrap_or(0))
}

pub(super) fn key_values(key: &IdempotencyKey) -> [Value<'_>; 4] {
    [key.organization.into(), key.account.into(), Value::text(&key.operation), Value::text(&key.key)]
}

fn read(cells: &mut RowReader<'_>) -> Result<(Fingerprint, StoredResponse), StoreError> {
    let fingerprint = cells.parsed(fingerprint)?;
    let status = u16::try_from(cells.int()?).map_err(corrupt)?;
    let headers = cells.parsed(headers)?;
    Ok((fingerprint, StoredResponse { status, headers, body: Bytes::copy_from_slice(cells.blob()?) }))
}

pub(super) fn fingerprint_text(fingerprint: Fingerprint) -> String {
    fingerprint.0.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn fingerprint(text: &str) -> Result<Fingerprint, ::audit::MalformedHash> {
    text.parse::<::audit::Hash>().map(|hash| Fingerprint(hash.0))
}

fn headers_text(headers: &[(String, String)]) -> String {
    let pairs = headers.iter().map(|(name, value)| serde_json::json!([name, value]));
    serde_json::Value::Array(pairs.collect()).to_string()
}

fn headers(text: &str) -> Result<Vec<(String, String)>, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_fingerprints_read_back_as_they_were_written() {
        let pairs = vec![("location".to_owned(), "/x?y=\"z\"".to_owned()), ("etag".to_owned(), String::new())];
        assert_eq!(headers(&headers_text(&pairs)).unwrap(), pairs);
        let original = Fingerprint([171; 32]);
        assert_eq!(fingerprint(&fingerprint_text(original)), Ok(original));
    }
}
