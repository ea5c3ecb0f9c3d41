//! Deliveries on a lane: what is due, and what came of it.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use webhooks::{Due, Lane, LaneSigns, Settlement, Undone, WebhookDelivery};

use super::lanes;
use crate::{
    engine::{Bulk, Column, Session, Sql, Value, both},
    presence::Check,
    resources::attempts_text,
    shape::{listed, one_of, rounded},
    statements::padded,
    table::{self, ENVELOPE, Table},
    texts::Texts,
};

/// What is first in the index is taken, and only then looked at: a bound on its moment makes planners expect so many that
/// they sort all there are.
pub(super) static DUE: LazyLock<Sql> = LazyLock::new(|| {
    let columns = || ENVELOPE.iter().chain(WebhookDelivery::COLUMNS).map(|column| column.name);
    let order = |row: &str| format!("{row}next_attempt_at, {row}subject_revision, {row}id");
    Sql::fixed(&format!(
        "SELECT {all}, o.body FROM (SELECT {own} FROM {table} WHERE organization_id = ? AND subscription_id = ? \
         AND next_attempt_at IS NOT NULL ORDER BY {first} LIMIT ?) AS d \
         LEFT JOIN outbox AS o ON o.organization_id = d.organization_id AND o.id = d.event_id \
         WHERE d.next_attempt_at <= ? ORDER BY {last}",
        all = listed("d.", columns()),
        own = listed("", columns()),
        table = WebhookDelivery::NAME,
        first = order(""),
        last = order("d."),
    ))
});
/// What an attempt changes of a delivery.
static SETTLE: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [
        ENVELOPE[0],
        ENVELOPE[1],
        Column::int("expected"),
        Column::int("revision"),
        Column::int("updated_at"),
        Column::text("state"),
        Column::int("failed"),
        Column::int("next_attempt_at"),
        Column::text("attempts"),
    ];
    Bulk::update(WebhookDelivery::NAME, &columns, None)
});
/// The outer condition holds also for one that was changed since it was found.
pub(super) static CANCEL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::numbered(
        "UPDATE webhook_deliveries SET state = 'cancelled', next_attempt_at = NULL, revision = revision + 1, \
         updated_at = CASE WHEN updated_at < ?3 THEN ?3 ELSE updated_at END \
         WHERE organization_id = ?1 AND state IN ('pending', 'failed') AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE d.organization_id = ?1 AND d.subscription_id = ?2 AND d.next_attempt_at IS NOT NULL \
         ORDER BY d.next_attempt_at, d.subject_revision, d.id LIMIT ?4)",
    )
});
static KNOWN: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

/// The moment of a transaction's changes, and whether others still wait for it.
type Stamped = (Timestamp, Check);

pub(super) async fn due(session: &Session, lane: Lane, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
    let values = [lane.organization.into(), lane.subscription.into(), Value::most(limit), now.into()];
    let read = |cells: &mut crate::engine::Cells<'_>| {
        Ok(Due { delivery: table::read(cells)?, body: Bytes::copy_from_slice(cells.blob()?) })
    };
    session.fetch(&DUE, &values, read).await
}

/// Says which were changed meanwhile and so are not stored.
pub(super) async fn settle(
    session: &Session,
    (at, check): Stamped,
    lane: Lane,
    settlements: &[Settlement],
    signs: Option<LaneSigns>,
) -> Result<Vec<Undone>, StoreError> {
    let rows: Vec<_> = settlements.iter().map(|settlement| row(settlement, at)).collect();
    let noted = async {
        match signs {
            Some(signs) => lanes::sign(session, lane, signs).await,
            None => Ok(()),
        }
    };
    let stored = both(session.store_some(&SETTLE, &rows), noted);
    let ((), (left_out, ())) = both(check.hold(session, at), stored).await?;
    Ok(left_out.into_iter().filter_map(|place| settlements.get(place)).map(|undone| undone.before.meta.id).collect())
}

fn row(settlement: &Settlement, at: Timestamp) -> Vec<Value<'_>> {
    let (meta, delivery) = (&settlement.after.meta, &settlement.after.record);
    vec![
        meta.organization.into(),
        meta.id.into(),
        settlement.before.meta.revision.into(),
        meta.revision.into(),
        at.max(meta.updated_at).into(),
        Value::text(delivery.state.name()),
        Value::Int(delivery.failed.into()),
        Value::opt(delivery.next_attempt_at),
        Value::from(attempts_text(&delivery.attempts)),
    ]
}

pub(super) async fn cancel(
    session: &Session,
    (at, check): Stamped,
    lane: Lane,
    now: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let values = [lane.organization.into(), lane.subscription.into(), at.max(now).into(), Value::most(limit)];
    both(check.hold(session, at), session.execute(&CANCEL, &values)).await.map(|((), cancelled)| cancelled)
}

pub(super) async fn known(
    session: &Session,
    organization: OrganizationId,
    deliveries: &[Id<WebhookDelivery>],
) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let sql: Arc<Sql> = KNOWN.get(rounded(deliveries.len()), |count| {
        Sql::numbered(&format!(
            "SELECT id FROM webhook_deliveries WHERE organization_id = ?1 AND {} ORDER BY id",
            one_of("id", 2, *count)
        ))
    });
    let mut values = vec![organization.into()];
    values.extend(padded(deliveries.iter().map(|id| Value::from(*id))));
    session.fetch(&sql, &values, |cells| cells.id()).await
}
