//! Events in the outbox, from where they are distributed and kept for as long as deliveries are.

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

/// What waits and is known here: a newer server's event is left to those that know it.
fn waiting_here() -> String {
    let known: Vec<_> = EventType::ALL.iter().map(|event| event.name()).chain([TEST_EVENT]).collect();
    format!("state = 'pending' AND name IN ('{}')", known.join("', '"))
}

/// Over all organizations: the distributor serves them all.
pub(super) static NEXT: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(&format!("SELECT min(organization_id) FROM outbox WHERE {} AND organization_id > ?", waiting_here()))
});
/// Their heads: what is sent stays where it is.
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

/// One descent of an index for each, however many events wait.
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

/// Notes that these are deliveries now.
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
        let head = head(cells)?;
        Ok(StoredEvent { body: Bytes::copy_from_slice(cells.blob()?), ..head })
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
