//! The events of the outbox, which are fanned out to deliveries and kept as long as a delivery needs them.

use std::sync::LazyLock;

use bytes::Bytes;
use kernel::{Id, OrganizationId, OutboxEvent, Revision, StoreError, Timestamp};
use webhooks::{EventBodies, EventType, StoredEvent, TEST_EVENT};

use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value, names_organizations},
    schema::tables::PENDING_EVENTS,
};

/// The condition for pending events whose type this version supports. Those of a newer server are left to newer
/// servers.
fn pending_condition() -> String {
    let supported: Vec<_> = EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT]).collect();
    format!("name IN ('{}')", supported.join("', '"))
}

/// Finds the next organization with pending events: across all organizations, since the distributor serves them all.
pub(super) static NEXT_ORGANIZATION: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT min(organization_id) FROM pending_events WHERE {} AND organization_id > ?",
        pending_condition()
    ))
});
/// The pending events of an organization. They are locked, so that a commit that creates a delivery of one of them marks
/// it either before they are read or after they are fanned out.
pub(super) static PENDING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at, attempted FROM pending_events \
         WHERE organization_id = ? AND {} ORDER BY created_at, subject_revision, id LIMIT ?",
        pending_condition()
    ))
    .with_update_lock()
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
/// A statement about the pending events with these keys: `begin` and the alias of the table are followed by the
/// conditions.
fn with_keys([begin, end]: [&str; 2], rows: &str) -> BatchStatement {
    let key = &PENDING_EVENTS.columns[..4];
    let conditions = |equal: &dyn Fn(usize, &str) -> String| {
        key.iter().enumerate().map(|(index, column)| equal(index, column.name)).collect::<Vec<_>>().join(" AND ")
    };
    BatchStatement::for_each(
        key,
        &format!("{begin}{end} WHERE {}", conditions(&|index, name| format!("{name} = ?{}", index + 1))),
        &format!(
            "{begin} AS p{end} {rows} {{rows}} WHERE {} AND {}",
            conditions(&|_, name| format!("p.{name} = v.{name}")),
            names_organizations("p.", 1)
        ),
    )
}

pub(super) static REMOVE_PENDING: LazyLock<BatchStatement> =
    LazyLock::new(|| with_keys(["DELETE FROM pending_events", ""], "USING"));
pub(super) static MARK_ATTEMPTED: LazyLock<BatchStatement> =
    LazyLock::new(|| with_keys(["UPDATE pending_events", " SET attempted = 1"], "FROM"));

/// An event that is not fanned out yet, without its body.
pub(super) struct PendingEvent {
    pub(super) event: StoredEvent,
    /// Whether some of its deliveries may exist.
    pub(super) attempted: bool,
}

/// The key of a pending event.
pub(super) struct PendingKey {
    pub(super) organization: OrganizationId,
    pub(super) created_at: Timestamp,
    pub(super) revision: Revision,
    pub(super) id: Id<OutboxEvent>,
}

impl PendingEvent {
    pub(super) fn key(&self) -> PendingKey {
        let StoredEvent { organization, created_at, revision, id, .. } = self.event;
        PendingKey { organization, created_at, revision, id }
    }
}

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
) -> Result<Vec<PendingEvent>, StoreError> {
    let read =
        |cells: &mut RowReader<'_>| Ok(PendingEvent { event: read_without_body(cells)?, attempted: cells.int()? != 0 });
    session.fetch(&PENDING, &[organization.into(), Value::limit(limit)], read).await
}

/// Marks pending events as fanned out.
pub(super) async fn remove_pending(
    session: &Session,
    events: impl Iterator<Item = PendingKey>,
) -> Result<(), StoreError> {
    execute(session, &REMOVE_PENDING, events).await
}

/// Marks those of the events that are pending as events of which deliveries may exist.
pub(super) async fn mark_attempted(
    session: &Session,
    events: impl Iterator<Item = PendingKey>,
) -> Result<(), StoreError> {
    execute(session, &MARK_ATTEMPTED, events).await
}

/// Runs a statement for each of the events, in the order of their keys, so that no two transactions deadlock.
async fn execute(
    session: &Session,
    statement: &BatchStatement,
    events: impl Iterator<Item = PendingKey>,
) -> Result<(), StoreError> {
    let mut keys: Vec<_> = events.map(|key| (key.organization, key.created_at, key.revision, key.id)).collect();
    keys.sort_unstable();
    let row = |(organization, created_at, revision, id): (OrganizationId, Timestamp, Revision, Id<OutboxEvent>)| {
        vec![organization.into(), created_at.into(), revision.into(), id.into()]
    };
    let rows: Vec<Vec<Value<'_>>> = keys.into_iter().map(row).collect();
    session.execute_each(statement, &rows).await.map(drop)
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
