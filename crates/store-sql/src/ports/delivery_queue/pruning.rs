//! Deletion of deliveries and events whose retention period has ended.

use std::sync::{Arc, LazyLock};

use kernel::{Id, OrganizationId, StoreError, Timestamp};
use ulid::Ulid;
use webhooks::WebhookSubscription;

use crate::engine::{Engine, Session, Sql, Value};

/// A subquery for the first delivery of the subscription `s`. Identifiers contain the time of creation, so the oldest
/// is first.
fn first_delivery(column: &str) -> String {
    format!(
        "(SELECT d.{column} FROM webhook_deliveries AS d \
         WHERE d.organization_id = s.organization_id AND d.subscription_id = s.id ORDER BY d.id LIMIT 1)"
    )
}

pub(super) static ORGANIZATIONS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "SELECT o.id FROM organizations AS o \
         WHERE (SELECT e.id FROM outbox AS e WHERE e.organization_id = o.id ORDER BY e.id LIMIT 1) < ?1 \
         OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s WHERE s.organization_id = o.id AND {} < ?1) ORDER BY o.id",
        first_delivery("id"),
    ))
});
pub(super) static SUBSCRIPTIONS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "SELECT s.id FROM webhook_subscriptions AS s WHERE s.organization_id = ?1 AND {} < ?2 ORDER BY s.id",
        first_delivery("id"),
    ))
});
/// Deletes deliveries. The outer conditions also apply to rows that were changed after the subquery found them.
pub(super) static DELIVERIES: LazyLock<Sql> = LazyLock::new(|| {
    let is_finished = |row: &str| {
        format!(
            "{row}organization_id = ?1 AND {row}subscription_id = ?2 AND ({row}next_attempt_at IS NULL \
             OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s \
             WHERE s.organization_id = ?1 AND s.id = ?2 AND s.status = 'disabled'))"
        )
    };
    Sql::from_numbered_text(&format!(
        "DELETE FROM webhook_deliveries WHERE {} AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE {} AND d.id < ?3 ORDER BY d.id LIMIT ?4)",
        is_finished("webhook_deliveries."),
        is_finished("d."),
    ))
});
/// Deletes events, except those that a delivery may still need: a delivery is never older than its event.
pub(super) static EVENTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "DELETE FROM outbox WHERE organization_id = ?1 AND state = 'distributed' AND id IN (SELECT e.id FROM outbox AS e \
         WHERE e.organization_id = ?1 AND e.id < ?2 AND e.state = 'distributed' AND e.created_at < ?3 \
         AND e.created_at < COALESCE((SELECT min({}) FROM webhook_subscriptions AS s WHERE s.organization_id = ?1), ?3) \
         ORDER BY e.id LIMIT ?4)",
        first_delivery("created_at"),
    ))
});

/// Deletes up to `limit` deliveries and up to `limit` events that are older than `before`, in one transaction per
/// organization. Returns the number of deleted rows.
pub(super) async fn prune(engine: &Arc<Engine>, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let first = before.first_ulid();
    let organizations: Vec<OrganizationId> = engine
        .read([Value::from(first)], |values, session| {
            Box::pin(session.fetch(&ORGANIZATIONS, values, |cells| cells.id()))
        })
        .await?;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let (mut deliveries, mut events) = (0, 0);
    for organization in organizations {
        let input = (organization, first, before, [limit - deliveries, limit - events]);
        let pruned = engine.write(input, |(organization, first, before, limits), session| {
            Box::pin(prune_one(session, *organization, *first, *before, *limits))
        });
        let [pruned_deliveries, pruned_events] = pruned.await?;
        deliveries += pruned_deliveries;
        events += pruned_events;
    }
    Ok(deliveries + events)
}

async fn prune_one(
    session: &Session,
    organization: OrganizationId,
    first: Ulid,
    before: Timestamp,
    [deliveries, events]: [u64; 2],
) -> Result<[u64; 2], StoreError> {
    let deliveries = prune_deliveries(session, organization, first, deliveries).await?;
    let values = [organization.into(), first.into(), before.into(), limit_value(events)];
    Ok([deliveries, session.execute(&EVENTS, &values).await?])
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
        if pruned == limit {
            break;
        }
        let values = [organization.into(), subscription.into(), first.into(), limit_value(limit - pruned)];
        pruned += session.execute(&DELIVERIES, &values).await?;
    }
    Ok(pruned)
}

fn limit_value(count: u64) -> Value<'static> {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}
