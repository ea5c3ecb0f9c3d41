//! The events of the outbox, which are fanned out to deliveries and stored as long as these.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use kernel::{Id, OrganizationId, StoreError};
use webhooks::{EventType, StoredEvent, TEST_EVENT};

use crate::{
    engine::{Cells, Session, Sql, Value},
    shape::{one_of, rounded},
    statements::padded,
    texts::Texts,
};

/// The condition for pending events whose type this version supports. Those of a newer server are left to newer
/// servers.
fn waiting_here() -> String {
    let supported: Vec<_> = EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT]).collect();
    format!("state = 'pending' AND name IN ('{}')", supported.join("', '"))
}

/// Across all organizations, since the dispatcher serves them all.
pub(super) static NEXT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(&format!("SELECT min(organization_id) FROM outbox WHERE {} AND organization_id > ?", waiting_here()))
});
/// The pending events of an organization, without their bodies.
pub(super) static WAITING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(&format!(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at FROM outbox \
         WHERE organization_id = ? AND {} ORDER BY created_at, subject_revision, id LIMIT ?",
        waiting_here()
    ))
});
pub(super) static BETWEEN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "SELECT organization_id, id, name, subject_id, subject_revision, created_at, body FROM outbox \
         WHERE organization_id = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?",
    )
});
static DISTRIBUTED: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

/// Finds organizations with pending events: one index lookup per organization, however many events there are.
pub(super) async fn undistributed(
    session: &Session,
    after: Option<OrganizationId>,
    limit: usize,
) -> Result<Vec<OrganizationId>, StoreError> {
    let mut found: Vec<OrganizationId> = Vec::new();
    let mut after = after.map_or_else(|| Value::text(""), Value::from);
    while found.len() < limit {
        let next = session.fetch_one(&NEXT, &[after], |cells| cells.opt_id()).await?;
        let Some(next) = next.flatten() else { break };
        found.push(next);
        after = next.into();
    }
    Ok(found)
}

pub(super) async fn waiting(
    session: &Session,
    organization: OrganizationId,
    limit: usize,
) -> Result<Vec<StoredEvent>, StoreError> {
    session.fetch(&WAITING, &[organization.into(), Value::most(limit)], head).await
}

/// Marks events as distributed.
pub(super) async fn distributed(
    session: &Session,
    organization: OrganizationId,
    events: &[StoredEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let sql: Arc<Sql> = DISTRIBUTED.get(rounded(events.len()), |count| {
        Sql::numbered(&format!(
            "UPDATE outbox SET state = 'distributed' WHERE organization_id = ?1 AND state = 'pending' AND {}",
            one_of("id", 2, *count)
        ))
    });
    let mut values = vec![organization.into()];
    values.extend(padded(events.iter().map(|event| Value::from(event.id))));
    session.execute(&sql, &values).await.map(drop)
}

pub(super) async fn between(session: &Session, values: &[Value<'_>]) -> Result<Vec<StoredEvent>, StoreError> {
    let read = |cells: &mut Cells<'_>| {
        let event = head(cells)?;
        Ok(StoredEvent { body: Bytes::copy_from_slice(cells.blob()?), ..event })
    };
    session.fetch(&BETWEEN, values, read).await
}

fn head(cells: &mut Cells<'_>) -> Result<StoredEvent, StoreError> {
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
