//! The events of the outbox, which are fanned out to deliveries and kept as long as a delivery needs them.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use kernel::{Id, OrganizationId, StoreError};
use webhooks::{EventBodies, EventType, StoredEvent, TEST_EVENT};

use crate::{
    engine::{RowReader, Session, Sql, Value, one_of, padded, padded_count},
    records::StatementCache,
};

/// The condition for pending events whose type this version supports. Those of a newer server are left to newer
/// servers.
fn pending_condition() -> String {
    let supported: Vec<_> = EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT]).collect();
    format!("state = 'pending' AND name IN ('{}')", supported.join("', '"))
}

/// Finds the next organization with pending events: across all organizations, since the distributor serves them all.
pub(super) static NEXT_ORGANIZATION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT min(organization_id) FROM outbox WHERE {} AND organization_id > ?",
        pending_condition()
    ))
});
/// The pending events of an organization, without their bodies.
pub(super) static PENDING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at FROM outbox \
         WHERE organization_id = ? AND {} ORDER BY created_at, subject_revision, id LIMIT ?",
        pending_condition()
    ))
});
pub(super) static BETWEEN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at, body FROM outbox \
         WHERE organization_id = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?",
    )
});
pub(super) static BETWEEN_WITHOUT_BODIES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at FROM outbox \
         WHERE organization_id = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?",
    )
});
static MARK_DISTRIBUTED: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

/// Finds organizations with pending events: one index lookup per organization, however many events there are.
pub(super) async fn pending_organizations(
    session: &Session,
    after: Option<OrganizationId>,
    limit: usize,
) -> Result<Vec<OrganizationId>, StoreError> {
    let mut found: Vec<OrganizationId> = Vec::new();
    let mut after = after.map_or_else(|| Value::text(""), Value::from);
    while found.len() < limit {
        let next = session.fetch_one(&NEXT_ORGANIZATION, &[after], |cells| cells.opt_id()).await?;
        let Some(next) = next.flatten() else { break };
        found.push(next);
        after = next.into();
    }
    Ok(found)
}

pub(super) async fn pending(
    session: &Session,
    organization: OrganizationId,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    session.fetch(&PENDING, &[organization.into(), Value::limit(limit)], read_without_body).await
}

/// Marks events as distributed.
pub(super) async fn mark_distributed(
    session: &Session,
    organization: OrganizationId,
    events: &[StoredEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let sql: Arc<Sql> = MARK_DISTRIBUTED.get(padded_count(events.len()), |count| {
        Sql::from_numbered_text(&format!(
            "UPDATE outbox SET state = 'distributed' WHERE organization_id = ?1 AND state = 'pending' AND {}",
            one_of("id", 2, *count)
        ))
    });
    let mut values = vec![organization.into()];
    values.extend(padded(events.iter().map(|event| Value::from(event.id))));
    session.execute(&sql, &values).await.map(drop)
}

/// Returns the events between two identifiers.
pub(super) async fn between(
    session: &Session,
    values: &[Value<'_>],
    bodies: EventBodies,
) -> Result<Vec<StoredEvent>, StoreError> {
    if bodies == EventBodies::Omitted {
        return session.fetch(&BETWEEN_WITHOUT_BODIES, values, read_without_body).await;
    }
    let read = |cells: &mut RowReader<'_>| {
        let event = read_without_body(cells)?;
        Ok(StoredEvent { body: Bytes::copy_from_slice(cells.blob()?), ..event })
    };
    session.fetch(&BETWEEN, values, read).await
}

fn read_without_body(cells: &mut RowReader<'_>) -> Result<StoredEvent, StoreError> {
    let organization = cells.id()?;
    Ok(StoredEvent {
        id: Id::new(cells.ulid()?),
        organization,
        name: cells.text()?.into(),
        subject: cells.ulid()?,
        revision: cells.revision()?,
        created_at: cells.time()?,
        body: Bytes::new(),
    })
}
