//! Deletion of deliveries, events and removed subscriptions whose retention period has ended.
//!
//! Each statement is about one organization, so that on a distributed database it runs on one node. Those that look for
//! organizations with something to delete are sent many at a time.

use std::sync::{Arc, LazyLock};

use kernel::{Id, OrganizationId, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::WebhookSubscription;

use crate::engine::{Engine, Session, Sql, Value};

/// The number of organizations that are looked at in one pipeline.
const ORGANIZATIONS_PER_READ: usize = 256;

/// The tables of deliveries: of those that have changed since they were fanned out, and of the others.
const TABLES: [&str; 2] = ["webhook_deliveries", "webhook_queue"];

/// A subquery for the first delivery of the subscription `s` in a table. Identifiers contain the time of creation, so the
/// oldest is first.
fn first_delivery(table: &str, column: &str) -> String {
    format!(
        "(SELECT d.{column} FROM {table} AS d \
         WHERE d.organization_id = s.organization_id AND d.subscription_id = s.id ORDER BY d.id LIMIT 1)"
    )
}

/// The condition that the subscription `s` has a delivery before `?2`.
fn has_old_delivery() -> String {
    let [changed, queued] = TABLES.map(|table| first_delivery(table, "id"));
    format!("({changed} < ?2 OR {queued} < ?2)")
}

pub(super) static NEXT_ORGANIZATIONS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id FROM organizations WHERE organization_id > ? ORDER BY organization_id LIMIT ?",
    )
});
/// Returns the organization if it has something to delete.
pub(super) static HAS_OLD_ROWS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "SELECT o.organization_id FROM organizations AS o WHERE o.organization_id = ?1 \
         AND ((SELECT e.id FROM outbox AS e WHERE e.organization_id = ?1 ORDER BY e.id LIMIT 1) < ?2 \
         OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s \
         WHERE s.organization_id = ?1 AND s.status = 'removed' AND s.updated_at < ?3) \
         OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s WHERE s.organization_id = ?1 AND {}))",
        has_old_delivery(),
    ))
});
pub(super) static SUBSCRIPTIONS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "SELECT s.id FROM webhook_subscriptions AS s WHERE s.organization_id = ?1 AND {} ORDER BY s.id",
        has_old_delivery(),
    ))
});
/// Deletes deliveries. The outer conditions also apply to rows that were changed after the subquery found them.
pub(super) static DELIVERIES: LazyLock<Sql> = LazyLock::new(|| {
    let is_finished = |row: &str| {
        format!(
            "{row}organization_id = ?1 AND {row}subscription_id = ?2 AND ({row}next_attempt_at IS NULL \
             OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s \
             WHERE s.organization_id = ?1 AND s.id = ?2 AND s.status IN ('disabled', 'removed')))"
        )
    };
    Sql::from_numbered_text(&format!(
        "DELETE FROM webhook_deliveries WHERE {} AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE {} AND d.id < ?3 ORDER BY d.id LIMIT ?4)",
        is_finished("webhook_deliveries."),
        is_finished("d."),
    ))
});
/// Deletes the deliveries in the queue of a subscription that is not active: the others are all open.
pub(super) static QUEUED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "DELETE FROM webhook_queue WHERE organization_id = ?1 AND subscription_id = ?2 \
         AND EXISTS (SELECT 1 FROM webhook_subscriptions AS s \
         WHERE s.organization_id = ?1 AND s.id = ?2 AND s.status IN ('disabled', 'removed')) \
         AND id IN (SELECT d.id FROM webhook_queue AS d \
         WHERE d.organization_id = ?1 AND d.subscription_id = ?2 AND d.id < ?3 ORDER BY d.id LIMIT ?4)",
    )
});
/// Deletes events, except those that a delivery may still need: a delivery is never older than its event.
pub(super) static EVENTS: LazyLock<Sql> = LazyLock::new(|| {
    let before_first = |table| {
        format!(
            "e.created_at < COALESCE((SELECT min({}) FROM webhook_subscriptions AS s WHERE s.organization_id = ?1), ?3)",
            first_delivery(table, "created_at")
        )
    };
    let [changed, queued] = TABLES.map(before_first);
    Sql::from_numbered_text(&format!(
        "DELETE FROM outbox WHERE organization_id = ?1 AND id IN (SELECT e.id FROM outbox AS e \
         WHERE e.organization_id = ?1 AND e.id < ?2 AND e.created_at < ?3 AND {changed} AND {queued} \
         AND NOT EXISTS (SELECT 1 FROM pending_events AS p WHERE p.organization_id = ?1 \
         AND p.created_at = e.created_at AND p.subject_revision = e.subject_revision AND p.id = e.id) \
         ORDER BY e.id LIMIT ?4)"
    ))
});
/// Finds subscriptions that were removed before the retention period and have no deliveries left.
pub(super) static REMOVED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "SELECT s.id FROM webhook_subscriptions AS s \
         WHERE s.organization_id = ?1 AND s.status = 'removed' AND s.updated_at < ?2 \
         AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.organization_id = ?1 AND d.subscription_id = s.id) \
         AND NOT EXISTS (SELECT 1 FROM webhook_queue AS q WHERE q.organization_id = ?1 AND q.subscription_id = s.id) \
         ORDER BY s.updated_at, s.id LIMIT ?3",
    )
});
pub(super) static PARTITION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text("DELETE FROM webhook_lanes WHERE organization_id = ?1 AND subscription_id = ?2")
});
/// Deletes a subscription. It can't be restored, so it is still removed.
pub(super) static SUBSCRIPTION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text("DELETE FROM webhook_subscriptions WHERE organization_id = ?1 AND id = ?2")
});

/// The rows to delete: those from before this time.
#[derive(Clone, Copy)]
struct Retention {
    before: Timestamp,
    /// The first identifier of that time.
    first: Ulid,
}

/// The numbers of rows of each kind, deleted or still to delete.
#[derive(Clone, Copy, Default)]
struct RowCounts {
    deliveries: u64,
    events: u64,
    subscriptions: u64,
}

/// Deletes up to `limit` deliveries, up to `limit` events and up to `limit` removed subscriptions that are older than
/// `before`, in one transaction per organization. Returns the number of deleted rows.
pub(super) async fn prune(engine: &Arc<Engine>, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let retention = Retention { before, first: before.first_ulid() };
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut deleted = RowCounts::default();
    let mut after = None;
    loop {
        let (last, found) = engine
            .read((after, retention), |(after, retention), session| {
                Box::pin(organizations_with_old_rows(session, *after, *retention))
            })
            .await?;
        for organization in found {
            let left = RowCounts {
                deliveries: limit - deleted.deliveries,
                events: limit - deleted.events,
                subscriptions: limit - deleted.subscriptions,
            };
            let input = (organization, retention, left);
            let pruned = engine.write(input, |(organization, retention, left), session| {
                Box::pin(prune_one(session, *organization, *retention, *left))
            });
            let pruned: RowCounts = pruned.await?;
            deleted.deliveries += pruned.deliveries;
            deleted.events += pruned.events;
            deleted.subscriptions += pruned.subscriptions;
        }
        if last.is_none() {
            return Ok(deleted.deliveries + deleted.events + deleted.subscriptions);
        }
        after = last;
    }
}

/// Returns those of the next organizations after `after` that have old rows, and the last one that was looked at, unless
/// there are no more.
async fn organizations_with_old_rows(
    session: &Session,
    after: Option<OrganizationId>,
    retention: Retention,
) -> Result<(Option<OrganizationId>, Vec<OrganizationId>), StoreError> {
    let after = after.map_or_else(|| Value::text(""), Value::from);
    let values = [after, Value::limit(ORGANIZATIONS_PER_READ)];
    let next: Vec<OrganizationId> = session.fetch(&NEXT_ORGANIZATIONS, &values, |cells| cells.id()).await?;
    let rows: Vec<Vec<Value<'_>>> = next
        .iter()
        .map(|organization| vec![(*organization).into(), retention.first.into(), retention.before.into()])
        .collect();
    let found = session.fetch_pipelined(&HAS_OLD_ROWS, &rows, |cells| cells.id()).await?;
    Ok((next.last().copied().filter(|_| next.len() == ORGANIZATIONS_PER_READ), found))
}

async fn prune_one(
    session: &Session,
    organization: OrganizationId,
    retention: Retention,
    left: RowCounts,
) -> Result<RowCounts, StoreError> {
    let deliveries = prune_deliveries(session, organization, retention.first, left.deliveries).await?;
    let values = [organization.into(), retention.first.into(), retention.before.into(), limit_value(left.events)];
    let events = session.execute(&EVENTS, &values).await?;
    let subscriptions = prune_subscriptions(session, organization, retention.before, left.subscriptions).await?;
    Ok(RowCounts { deliveries, events, subscriptions })
}

async fn prune_deliveries(
    session: &Session,
    organization: OrganizationId,
    first: Ulid,
    limit: u64,
) -> Result<u64, StoreError> {
    let values = [organization.into(), first.into()];
    let subscriptions: Vec<Id<WebhookSubscription>> =
        session.fetch(&SUBSCRIPTIONS, &values, |cells| cells.id()).await?;
    let mut pruned = 0;
    for subscription in subscriptions {
        for statement in [&DELIVERIES, &QUEUED] {
            if pruned == limit {
                return Ok(pruned);
            }
            let values = [organization.into(), subscription.into(), first.into(), limit_value(limit - pruned)];
            pruned += session.execute(statement, &values).await?;
        }
    }
    Ok(pruned)
}

/// Deletes removed subscriptions with their partitions.
async fn prune_subscriptions(
    session: &Session,
    organization: OrganizationId,
    before: Timestamp,
    limit: u64,
) -> Result<u64, StoreError> {
    let values = [organization.into(), before.into(), limit_value(limit)];
    let removed: Vec<Id<WebhookSubscription>> = session.fetch(&REMOVED, &values, |cells| cells.id()).await?;
    for subscription in &removed {
        let key = [organization.into(), (*subscription).into()];
        session.execute(&PARTITION, &key).await?;
        session.execute(&SUBSCRIPTION, &key).await?;
    }
    Ok(removed.len() as u64)
}

fn limit_value(count: u64) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
