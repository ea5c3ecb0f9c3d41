//! Claims of idempotency keys. They are rows of the table of stored responses, under an operation of their own: the status
//! is 0, the headers are the time until which the claim is held, and the body is the identifier of the effect.

use std::{borrow::Cow, sync::LazyLock};

use kernel::{ClaimOutcome, IdempotencyKey, KeyClaim, StoreError, Timestamp};
use ulid::Ulid;

use super::idempotency::{fingerprint_text, key_values};
use crate::engine::{RowReader, Session, Sql, Value, corrupt};

/// Inserts a claim, replacing one that has expired.
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "INSERT INTO idempotency (organization_id, account_id, operation, key, fingerprint, status, headers, body, expires_at) \
         VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?) \
         ON CONFLICT (organization_id, account_id, operation, key) DO UPDATE SET \
         fingerprint = excluded.fingerprint, headers = excluded.headers, body = excluded.body, \
         expires_at = excluded.expires_at WHERE idempotency.expires_at <= ?",
    )
});
static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT fingerprint, headers, body FROM idempotency \
         WHERE organization_id = ? AND account_id = ? AND operation = ? AND key = ?",
    )
});
/// Claims a key again, if its claim is still the one that was read.
static CLAIM_AGAIN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE idempotency SET fingerprint = ?, headers = ?, body = ?, expires_at = ? \
         WHERE organization_id = ? AND account_id = ? AND operation = ? AND key = ? AND headers = ?",
    )
});
/// Ends a claim, if it is still the one that was made.
static RELEASE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE idempotency SET headers = ? \
         WHERE organization_id = ? AND account_id = ? AND operation = ? AND key = ? AND headers = ?",
    )
});

/// A stored claim: the fingerprint, the time until which it is held, and the identifier of the effect.
type Stored = (String, Timestamp, Ulid);

pub(super) async fn claim(session: &Session, claim: &KeyClaim, now: Timestamp) -> Result<ClaimOutcome, StoreError> {
    let key = claim_key(&claim.key);
    let effect = claim.effect.to_string();
    let mut values: Vec<Value<'_>> = key_values(&key).into();
    values.extend([
        fingerprint_text(claim.fingerprint).into(),
        held_until_text(claim.held_until).into(),
        Value::Blob(Cow::Borrowed(effect.as_bytes())),
        claim.expires_at.into(),
        now.into(),
    ]);
    if session.execute(&INSERT, &values).await? == 1 {
        return Ok(ClaimOutcome::Claimed(claim.effect));
    }
    let stored = session.fetch_one(&SELECT, &key_values(&key), read).await?;
    let Some((fingerprint, held_until, effect)) = stored else { return Ok(ClaimOutcome::HeldByAnother) };
    let is_same_request = fingerprint == fingerprint_text(claim.fingerprint);
    if KeyClaim::is_held(held_until, now) {
        return Ok(if is_same_request { ClaimOutcome::HeldByAnother } else { ClaimOutcome::KeyReused });
    }
    // The write that held the claim has failed, so the key is free for another request, whose effect is another one.
    let effect = if is_same_request { effect } else { claim.effect };
    let is_claimed = claim_again(session, &KeyClaim { key, effect, ..claim.clone() }, held_until).await?;
    Ok(if is_claimed { ClaimOutcome::Claimed(effect) } else { ClaimOutcome::HeldByAnother })
}

async fn claim_again(session: &Session, claim: &KeyClaim, ended: Timestamp) -> Result<bool, StoreError> {
    let effect = claim.effect.to_string();
    let mut values: Vec<Value<'_>> = vec![
        fingerprint_text(claim.fingerprint).into(),
        held_until_text(claim.held_until).into(),
        Value::Blob(Cow::Borrowed(effect.as_bytes())),
        claim.expires_at.into(),
    ];
    values.extend(key_values(&claim.key));
    values.push(held_until_text(ended).into());
    Ok(session.execute(&CLAIM_AGAIN, &values).await? == 1)
}

pub(super) async fn release(session: &Session, claim: &KeyClaim) -> Result<(), StoreError> {
    let key = claim_key(&claim.key);
    let mut values: Vec<Value<'_>> = vec![held_until_text(Timestamp::from_millis(0)).into()];
    values.extend(key_values(&key));
    values.push(held_until_text(claim.held_until).into());
    session.execute(&RELEASE, &values).await.map(drop)
}

/// The key of the row that holds a claim, which no request has.
fn claim_key(key: &IdempotencyKey) -> IdempotencyKey {
    IdempotencyKey { operation: format!("claim {}", key.operation), ..key.clone() }
}

fn held_until_text(held_until: Timestamp) -> String {
    held_until.millis().to_string()
}

fn read(cells: &mut RowReader<'_>) -> Result<Stored, StoreError> {
    let fingerprint = cells.text()?.to_owned();
    let held_until = cells.parsed(str::parse::<i64>)?;
    let effect = str::from_utf8(cells.blob()?).ok().and_then(|text| text.parse().ok());
    Ok((
        fingerprint,
        Timestamp::from_millis(held_until),
        effect.ok_or_else(|| corrupt("the claim of an idempotency key has no identifier"))?,
    ))
}
