//! Partitions: which worker sends the deliveries of a subscription, and when some of them are due.
//!
//! A partition is a row of `webhook_lanes`, the former name of partitions. It is due from `due_at` on. Its owner
//! (`holder`) has a lease until `held_until`. A commit or a fan-out that makes the partition due meanwhile increments
//! `arrived`, so that the partition is not released before its owner has checked again.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use kernel::{Changeset, Id, OrganizationId, StoreError, Timestamp};
use webhooks::{DeliveryHealth, DeliveryLag, Partition, WebhookDelivery, WebhookSubscription};

use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value, corrupt, one_of, padded, padded_count},
    records::StatementCache,
    schema::tables::WEBHOOK_LANES,
};

static MARK_DUE: LazyLock<BatchStatement> = LazyLock::new(|| {
    let [organization, subscription, due_at, arrived, ..] = WEBHOOK_LANES.columns;
    BatchStatement::upsert(
        WEBHOOK_LANES.name,
        &[organization, subscription, due_at, arrived],
        "due_at = CASE WHEN webhook_lanes.due_at < excluded.due_at THEN webhook_lanes.due_at ELSE excluded.due_at END, \
         arrived = webhook_lanes.arrived + 1",
    )
});
/// The condition that the endpoint of a partition is healthy ([`DeliveryHealth::is_healthy`]).
pub(super) const IS_HEALTHY: &str = "failing_since IS NULL AND last_delivery_at IS NOT NULL";

/// Finds due partitions: across all organizations, since the dispatcher serves them all.
fn due_where(condition: &str) -> Sql {
    Sql::from_numbered_text(&format!(
        "SELECT organization_id, subscription_id FROM webhook_lanes \
         WHERE due_at <= ?1 AND (holder IS NULL OR held_until <= ?1){condition} \
         ORDER BY due_at, organization_id, subscription_id LIMIT ?2"
    ))
}

pub(super) static DUE: LazyLock<Sql> = LazyLock::new(|| due_where(""));
pub(super) static DUE_HEALTHY: LazyLock<Sql> = LazyLock::new(|| due_where(&format!(" AND {IS_HEALTHY}")));
/// These statements are about all partitions of an owner, of any organization. They lock rows in no particular order: a
/// deadlock with another transaction is resolved by running one of the two again.
static RENEW: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_numbered_text("UPDATE webhook_lanes SET held_until = ?2 WHERE holder = ?1"));
static RELEASE_ALL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text("UPDATE webhook_lanes SET holder = NULL, held_until = NULL WHERE holder = ?1")
});
static STORE_HEALTH: LazyLock<BatchStatement> = LazyLock::new(|| {
    let [organization, subscription, _, arrived, .., last_delivery_at, failing_since] = WEBHOOK_LANES.columns;
    BatchStatement::upsert(
        WEBHOOK_LANES.name,
        &[organization, subscription, arrived, last_delivery_at, failing_since],
        "last_delivery_at = excluded.last_delivery_at, failing_since = excluded.failing_since",
    )
});
static HEALTH: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);
/// Computes the lag across all organizations. A leased partition stays due until it is released, so the lag is that of
/// its deliveries.
pub(super) static LAG: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "SELECT e.oldest, w.since, w.partitions \
         FROM (SELECT min(created_at) AS oldest FROM pending_events) AS e \
         CROSS JOIN (SELECT min(n.since) AS since, count(n.since) AS partitions \
         FROM (SELECT {} AS since FROM webhook_lanes AS l WHERE l.due_at <= ?1) AS n WHERE n.since <= ?1) AS w",
        next_attempt("l.organization_id", "l.subscription_id")
    ))
});

/// Returns the subquery for the next attempt in a partition. The changed deliveries are in the order of their attempts, and
/// those in the queue in that of their events.
pub(super) fn next_attempt(organization: &str, subscription: &str) -> String {
    let first = |table: &str, alias: &str, order: &str| {
        format!(
            "SELECT {alias}.next_attempt_at FROM (SELECT d.next_attempt_at FROM {table} AS d \
             WHERE d.organization_id = {organization} AND d.subscription_id = {subscription} \
             AND d.next_attempt_at IS NOT NULL ORDER BY d.{order} LIMIT 1) AS {alias}"
        )
    };
    format!(
        "(SELECT min(f.next_attempt_at) FROM ({} UNION ALL {}) AS f)",
        first("webhook_deliveries", "c", "next_attempt_at"),
        first("webhook_queue", "q", "id")
    )
}

/// Marks partitions due, each from its time on. A partition that is already due earlier stays so.
pub(crate) async fn mark_due(
    session: &Session,
    partitions: impl Iterator<Item = (Partition, Timestamp)>,
) -> Result<(), StoreError> {
    let mut due = BTreeMap::new();
    for (partition, at) in partitions {
        let due_at = due.entry(partition).or_insert(at);
        *due_at = at.min(*due_at);
    }
    let row = |(partition, at): (Partition, Timestamp)| {
        let [organization, subscription] = key_values(partition);
        vec![organization, subscription, at.into(), 1.into()]
    };
    let rows: Vec<Vec<Value<'_>>> = due.into_iter().map(row).collect();
    if rows.is_empty() { Ok(()) } else { session.store_all(&MARK_DUE, &rows).await.map(drop) }
}

/// The partitions that this changeset makes due: those of scheduled deliveries and of written subscriptions.
pub(crate) fn partitions_touched_by(changeset: &Changeset) -> impl Iterator<Item = (Partition, Timestamp)> {
    changeset.writes().iter().filter_map(|write| {
        let (organization, record) = (write.meta.organization, write.record.as_any());
        if record.is::<WebhookSubscription>() {
            let partition = Partition { organization, subscription: Id::new(write.meta.ulid()) };
            return Some((partition, changeset.due_at()));
        }
        let delivery = record.downcast_ref::<WebhookDelivery>()?;
        Some((Partition { organization, subscription: delivery.subscription }, delivery.next_attempt_at?))
    })
}

pub(super) async fn due(
    session: &Session,
    statement: &Sql,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Partition>, StoreError> {
    session.fetch(statement, &[now.into(), Value::limit(limit)], read_partition).await
}

pub(super) async fn renew(session: &Session, owner: &str, expires_at: Timestamp) -> Result<(), StoreError> {
    session.execute(&RENEW, &[Value::text(owner), expires_at.into()]).await.map(drop)
}

pub(super) async fn release_all(session: &Session, owner: &str) -> Result<(), StoreError> {
    session.execute(&RELEASE_ALL, &[Value::text(owner)]).await.map(drop)
}

/// Stores the health of partitions. They are locked in sort order, as in every transaction with several partitions.
pub(super) async fn store_health(
    session: &Session,
    health: &BTreeMap<Partition, DeliveryHealth>,
) -> Result<(), StoreError> {
    let row = |(partition, health): (&Partition, &DeliveryHealth)| {
        let [organization, subscription] = key_values(*partition);
        let DeliveryHealth { last_delivery_at, failing_since } = *health;
        vec![organization, subscription, 0.into(), Value::opt(last_delivery_at), Value::opt(failing_since)]
    };
    let rows: Vec<Vec<Value<'_>>> = health.iter().map(row).collect();
    if rows.is_empty() { Ok(()) } else { session.store_all(&STORE_HEALTH, &rows).await.map(drop) }
}

pub(super) async fn health(
    session: &Session,
    organization: OrganizationId,
    subscriptions: &[Id<WebhookSubscription>],
) -> Result<Vec<(Id<WebhookSubscription>, DeliveryHealth)>, StoreError> {
    if subscriptions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = health_statement(subscriptions.len());
    let mut values = vec![organization.into()];
    values.extend(padded(subscriptions.iter().map(|id| Value::from(*id))));
    session.fetch(&sql, &values, |cells| Ok((cells.id()?, read_health(cells)?))).await
}

pub(super) async fn lag(session: &Session, now: Timestamp) -> Result<DeliveryLag, StoreError> {
    let read = |cells: &mut RowReader<'_>| {
        Ok(DeliveryLag {
            oldest_event: cells.opt_time()?,
            oldest_due: cells.opt_time()?,
            due_partitions: cells.count()?,
        })
    };
    session.fetch_one(&LAG, &[now.into()], read).await?.ok_or_else(|| corrupt("the count returned no row"))
}

fn health_statement(count: usize) -> Arc<Sql> {
    HEALTH.get(padded_count(count), |count| {
        Sql::from_numbered_text(&format!(
            "SELECT subscription_id, last_delivery_at, failing_since FROM webhook_lanes \
             WHERE organization_id = ?1 AND {} AND (last_delivery_at IS NOT NULL OR failing_since IS NOT NULL) \
             ORDER BY subscription_id",
            one_of("subscription_id", 2, *count)
        ))
    })
}

/// The values of a partition's key.
pub(super) fn key_values(partition: Partition) -> [Value<'static>; 2] {
    [partition.organization.into(), partition.subscription.into()]
}

pub(super) fn read_partition(cells: &mut RowReader<'_>) -> Result<Partition, StoreError> {
    Ok(Partition { organization: cells.id()?, subscription: cells.id()? })
}

pub(super) fn read_health(cells: &mut RowReader<'_>) -> Result<DeliveryHealth, StoreError> {
    Ok(DeliveryHealth { last_delivery_at: cells.opt_time()?, failing_since: cells.opt_time()? })
}
