//! Forgetting what has been kept for long enough.

use std::sync::{Arc, LazyLock};

use kernel::{OrganizationId, StoreError, Timestamp};
use ulid::Ulid;

use crate::engine::{Engine, Session, Sql, Value};

/// Identifiers hold the moment of creation, so those of the past are the first ones.
pub(super) static ORGANIZATIONS: LazyLock<Sql> = LazyLock::new(|| {
    let first =
        |table: &str| format!("(SELECT t.id FROM {table} AS t WHERE t.organization_id = o.id ORDER BY t.id LIMIT 1)");
    Sql::numbered(&format!(
        "SELECT o.id FROM organizations AS o WHERE {} < ?1 OR {} < ?1 ORDER BY o.id",
        first("outbox"),
        first("webhook_deliveries"),
    ))
});
/// The outer conditions hold also for one that was changed since it was found.
pub(super) static DELIVERIES: LazyLock<Sql> = LazyLock::new(|| {
    let over = |row: &str| {
        format!(
            "{row}organization_id = ?1 AND ({row}next_attempt_at IS NULL OR EXISTS (SELECT 1 FROM webhook_subscriptions AS s \
             WHERE s.organization_id = ?1 AND s.id = {row}subscription_id AND s.status = 'disabled'))"
        )
    };
    Sql::numbered(&format!(
        "DELETE FROM webhook_deliveries WHERE {} AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE {} AND d.id < ?2 ORDER BY d.id LIMIT ?3)",
        over("webhook_deliveries."),
        over("d."),
    ))
});
/// But for those that a delivery may still need: none is older than what it tells of.
pub(super) static EVENTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::numbered(
        "DELETE FROM outbox WHERE organization_id = ?1 AND state = 'distributed' AND id IN (SELECT e.id FROM outbox AS e \
         WHERE e.organization_id = ?1 AND e.id < ?2 AND e.state = 'distributed' AND e.created_at < ?3 \
         AND e.created_at < COALESCE((SELECT d.created_at FROM webhook_deliveries AS d \
         WHERE d.organization_id = ?1 AND d.id < ?2 ORDER BY d.id LIMIT 1), ?3) ORDER BY e.id LIMIT ?4)",
    )
});

/// One transaction for each organization that has anything from before, until so many of each went.
pub(super) async fn prune(engine: &Arc<Engine>, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
    let first = Ulid::from_parts(u64::try_from(before.millis()).unwrap_or(0), 0);
    let organizations: Vec<OrganizationId> = engine
        .read([Value::from(first)], |values, session| {
            Box::pin(session.fetch(&ORGANIZATIONS, values, |cells| cells.id()))
        })
        .await?;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let (mut deliveries, mut events) = (0, 0);
    for organization in organizations {
        let given = (organization, first, before, [limit - deliveries, limit - events]);
        let pruned = engine.write(given, |(organization, first, before, limits), session| {
            Box::pin(prune_one(session, *organization, *first, *before, *limits))
        });
        let [of_deliveries, of_events] = pruned.await?;
        deliveries += of_deliveries;
        events += of_events;
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
    let most = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let deliveries = session.execute(&DELIVERIES, &[organization.into(), first.into(), most(deliveries)]).await?;
    let values = [organization.into(), first.into(), before.into(), most(events)];
    Ok([deliveries, session.execute(&EVENTS, &values).await?])
}
