//! Idempotency records: the first row of a commit's transaction.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use bytes::Bytes;
use kernel::{Answer, Claim, CommitError, Fingerprint, IdempotencyKey, StoreError, Timestamp};

use crate::engine::{Bulk, Cells, Column, Session, Sql, Value, corrupt};

pub(crate) const TABLE: &str = "idempotency";

pub(crate) const COLUMNS: [Column; 9] = [
    Column::text("organization_id"),
    Column::text("account_id"),
    Column::text("operation"),
    Column::text("key"),
    Column::text("fingerprint"),
    Column::int("status"),
    Column::text("headers"),
    Column::blob("body"),
    Column::int("expires_at"),
];

/// A record that has expired is as good as none.
static TAKE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "INSERT INTO idempotency (organization_id, account_id, operation, key, fingerprint, status, headers, body, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (organization_id, account_id, operation, key) DO UPDATE SET \
         fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, \
         body = excluded.body, expires_at = excluded.expires_at WHERE idempotency.expires_at <= ?",
    )
});
/// Of several claims: a record that is there stands in the way, expired or not.
static TAKE_ALL: LazyLock<Bulk> = LazyLock::new(|| Bulk::new_rows(TABLE, &COLUMNS));
/// Not by when it expires: where a planner knows nothing, that would be as good an index as the key.
static ANSWER: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "SELECT expires_at, fingerprint, status, headers, body FROM idempotency \
         WHERE organization_id = ? AND account_id = ? AND operation = ? AND key = ?",
    )
});

/// Takes the key for this claim, unless it is taken at `now`.
pub(crate) async fn take(session: &Session, claim: &Claim, now: Timestamp) -> Result<(), CommitError> {
    let mut values = row(claim);
    values.push(now.into());
    if session.execute(&TAKE, &values).await? == 1 {
        return Ok(());
    }
    match self::answer(session, &claim.key, now).await? {
        Some((fingerprint, answer)) if fingerprint == claim.fingerprint => Err(CommitError::Duplicate(answer)),
        Some(_) => Err(CommitError::KeyReused),
        None => Err(corrupt("an idempotency key is taken and has no record").into()),
    }
}

/// Takes the keys of all of these claims that nobody has a record of. Says whether that was all of them.
pub(crate) async fn take_all(session: &Session, claims: &[&Claim]) -> Result<bool, StoreError> {
    let rows: Vec<_> = claims.iter().map(|claim| row(claim)).collect();
    Ok(session.execute_each(&TAKE_ALL, &rows).await? == claims.len() as u64)
}

fn row(claim: &Claim) -> Vec<Value<'_>> {
    let answer = &claim.answer;
    let mut row = Vec::with_capacity(10);
    row.extend(named(&claim.key));
    row.extend([
        Value::from(fingerprint_text(claim.fingerprint)),
        Value::Int(i64::from(answer.status)),
        Value::from(headers_text(&answer.headers)),
        Value::Blob(Cow::Borrowed(&answer.body)),
        claim.expires_at.into(),
    ]);
    row
}

/// The answer kept under the key, with what was asked then.
pub(crate) async fn answer(
    session: &Session,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<(Fingerprint, Answer)>, StoreError> {
    let kept = session.fetch_one(&ANSWER, &named(key), |cells| Ok((cells.time()?, read(cells)?))).await?;
    Ok(kept.filter(|(expires_at, _)| *expires_at > now).map(|(_, answer)| answer))
}

fn named(key: &IdempotencyKey) -> [Value<'_>; 4] {
    [key.organization.into(), key.account.into(), Value::text(&key.operation), Value::text(&key.key)]
}

fn read(cells: &mut Cells<'_>) -> Result<(Fingerprint, Answer), StoreError> {
    let fingerprint = cells.parsed(fingerprint)?;
    let status = u16::try_from(cells.int()?).map_err(corrupt)?;
    let headers = cells.parsed(headers)?;
    Ok((fingerprint, Answer { status, headers, body: Bytes::copy_from_slice(cells.blob()?) }))
}

fn fingerprint_text(fingerprint: Fingerprint) -> String {
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
        let kept = vec![("location".to_owned(), "/x?y=\"z\"".to_owned()), ("etag".to_owned(), String::new())];
        assert_eq!(headers(&headers_text(&kept)).unwrap(), kept);
        let print = Fingerprint([171; 32]);
        assert_eq!(fingerprint(&fingerprint_text(print)), Ok(print));
    }
}
