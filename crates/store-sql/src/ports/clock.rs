//! State of a time that the clock no longer shows, since it was set back. Whatever was to end or to begin at such a
//! time would wait until the clock shows it again.

use std::{sync::LazyLock, time::Duration};

use ::store::{FUTURE_TOLERANCE, MAX_DELIVERY_DELAY, MAX_LEASE_DURATION};
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use webhooks::WebhookSubscription;

use crate::engine::{RowReader, Session, Sql, Value};

/// The time after which every bucket of a rate limit is full, in microseconds. Buckets refill in a minute. One that is
/// further ahead and is charged before it is deleted counts as empty; a deleted one is full.
const MAX_REFILL_MICROS: i64 = 3600 * 1_000_000;

/// The maximum number of subscriptions whose deliveries are made due in one transaction.
const MAX_PARTITIONS: usize = 1000;

/// The maximum number of idempotency records that are capped in one transaction.
const MAX_RECORDS: usize = 10_000;

static DELETE_LEASES: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM leases WHERE expires_at > ?"));
static RELEASE_PARTITIONS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("UPDATE webhook_lanes SET holder = NULL, held_until = NULL WHERE held_until > ?"));
static DELETE_BUCKETS: LazyLock<Sql> = LazyLock::new(|| Sql::from_text("DELETE FROM rate_limits WHERE full_at > ?"));
/// Claims are rows of the same table.
static CAP_IDEMPOTENCY: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE idempotency SET expires_at = ? WHERE (organization_id, account_id, operation, key) IN \
         (SELECT organization_id, account_id, operation, key FROM idempotency WHERE expires_at > ? \
         ORDER BY expires_at, organization_id, account_id, operation, key LIMIT ?)",
    )
});
static CAP_LAST_USES: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("UPDATE service_account_uses SET last_used_at = ? WHERE last_used_at > ?"));
static CAP_INDEXED: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("UPDATE search_progress SET as_of = ? WHERE as_of > ?"));
static PARTITIONS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, subscription_id FROM webhook_lanes WHERE due_at > ? \
         ORDER BY organization_id, subscription_id LIMIT ?",
    )
});
static MAKE_DELIVERIES_DUE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "UPDATE webhook_deliveries SET next_attempt_at = ?1 \
         WHERE organization_id = ?2 AND subscription_id = ?3 AND next_attempt_at > ?4",
    )
});
static MAKE_QUEUED_DUE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "UPDATE webhook_queue SET next_attempt_at = ?1 \
         WHERE organization_id = ?2 AND subscription_id = ?3 AND next_attempt_at > ?4",
    )
});
static MAKE_PARTITION_DUE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "UPDATE webhook_lanes SET due_at = ?1 WHERE organization_id = ?2 AND subscription_id = ?3 AND due_at > ?4",
    )
});

/// Ends leases that would last longer than any does from `now`, deletes buckets that would be full later than any is,
/// and makes deliveries due that would wait longer than any does.
pub(super) async fn discard_future_state(session: &Session, now: Timestamp) -> Result<(), StoreError> {
    let latest_lease = [Value::from(now + MAX_LEASE_DURATION)];
    session.execute(&DELETE_LEASES, &latest_lease).await?;
    session.execute(&RELEASE_PARTITIONS, &latest_lease).await?;
    session.execute(&DELETE_BUCKETS, &[Value::Int(now.millis() * 1000 + MAX_REFILL_MICROS)]).await?;
    let latest_attempt = now + MAX_DELIVERY_DELAY;
    let read = |cells: &mut RowReader<'_>| Ok((cells.id()?, cells.id()?));
    let values = [latest_attempt.into(), Value::limit(MAX_PARTITIONS)];
    let partitions: Vec<(OrganizationId, Id<WebhookSubscription>)> = session.fetch(&PARTITIONS, &values, read).await?;
    for (organization, subscription) in partitions {
        let values = [now.into(), organization.into(), subscription.into(), latest_attempt.into()];
        session.execute(&MAKE_DELIVERIES_DUE, &values).await?;
        session.execute(&MAKE_QUEUED_DUE, &values).await?;
        session.execute(&MAKE_PARTITION_DUE, &values).await?;
    }
    Ok(())
}

/// Lets idempotency records and claims expire, and moves last uses, that a clock of the present can't have stored. Changes
/// from now on are indexed.
pub(super) async fn cap_future_times(
    session: &Session,
    now: Timestamp,
    idempotency_retention: Duration,
) -> Result<(), StoreError> {
    let expires_at = now + idempotency_retention;
    let values = [expires_at.into(), (expires_at + FUTURE_TOLERANCE).into(), Value::limit(MAX_RECORDS)];
    session.execute(&CAP_IDEMPOTENCY, &values).await?;
    session.execute(&CAP_INDEXED, &[now.into(), now.into()]).await?;
    session.execute(&CAP_LAST_USES, &[now.into(), (now + FUTURE_TOLERANCE).into()]).await.map(drop)
}
