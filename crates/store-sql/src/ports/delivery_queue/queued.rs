//! The deliveries that have not changed since they were fanned out: rows of the narrow table `webhook_queue`. With its
//! first change, a delivery is moved to the table of deliveries. Most change once, when they are delivered.

use std::{borrow::Borrow, collections::HashSet, sync::LazyLock};

use kernel::{CommitError, Conflict, Id, Kind, OrganizationId, Revision, StoreError, Stored, Timestamp, Ulid, Write};
use webhooks::{Partition, WebhookDelivery, WebhookSubscription};

use super::{events, partitions};
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Sql, Value, names_organizations},
    records::{
        Statements,
        table::{self, META_COLUMNS, Parent, Table},
    },
    schema::tables::WEBHOOK_QUEUE,
};

/// The columns of the queue in the order in which they are inserted.
const COLUMNS: [Column; 10] = {
    let [organization, subscription, id, event, event_type, subject, revision, created_at, updated_at, next_attempt_at] =
        WEBHOOK_QUEUE.columns;
    [organization, id, subscription, event, event_type, subject, revision, created_at, updated_at, next_attempt_at]
};

/// Inserts deliveries that are probably new. Checking each for a conflict first would cost PostgreSQL as much as an
/// index.
static INSERT_NEW: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_optimistic(WEBHOOK_QUEUE.name, &COLUMNS));
static INSERT_MISSING: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert(WEBHOOK_QUEUE.name, &COLUMNS));
/// Inserts changed deliveries, which no table has after they were taken from the queue.
static INSERT_CHANGED: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::insert_optimistic(WebhookDelivery::NAME, &[&META_COLUMNS, WebhookDelivery::COLUMNS].concat())
});
pub(super) static TAKE: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &WEBHOOK_QUEUE.columns[..3],
        "DELETE FROM webhook_queue WHERE organization_id = ?1 AND subscription_id = ?2 AND id = ?3 \
         RETURNING organization_id, subscription_id, id",
        &format!(
            "DELETE FROM webhook_queue AS q USING {{rows}} WHERE q.organization_id = v.organization_id \
             AND q.subscription_id = v.subscription_id AND q.id = v.id AND {} \
             RETURNING q.organization_id, q.subscription_id, q.id",
            names_organizations("q.", 1)
        ),
    )
});
/// Finds those deliveries that one of the two tables has.
fn find_in(table: &str) -> BatchStatement {
    BatchStatement::for_each(
        &WEBHOOK_QUEUE.columns[..3],
        &format!(
            "SELECT organization_id, subscription_id, id FROM {table} \
             WHERE organization_id = ?1 AND subscription_id = ?2 AND id = ?3"
        ),
        &format!(
            "SELECT d.organization_id, d.subscription_id, d.id FROM {{rows}} JOIN {table} AS d \
             ON d.organization_id = v.organization_id AND d.subscription_id = v.subscription_id AND d.id = v.id WHERE {}",
            names_organizations("d.", 1)
        ),
    )
}
pub(super) static FIND_QUEUED: LazyLock<BatchStatement> = LazyLock::new(|| find_in(WEBHOOK_QUEUE.name));
pub(super) static FIND_CHANGED: LazyLock<BatchStatement> = LazyLock::new(|| find_in(WebhookDelivery::NAME));

/// The columns of a delivery, for statements that take it from the queue.
fn returned() -> String {
    "organization_id, id, CAST(1 AS bigint), created_at, updated_at, subscription_id, event_id, event_type, subject_id, \
     subject_revision, CAST('pending' AS text), CAST(0 AS bigint), next_attempt_at, CAST('[]' AS text)"
        .to_owned()
}

/// Takes the first deliveries of a partition.
pub(super) static TAKE_FIRST: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(&format!(
        "DELETE FROM webhook_queue WHERE organization_id = ?1 AND subscription_id = ?2 AND id IN \
         (SELECT q.id FROM webhook_queue AS q WHERE q.organization_id = ?1 AND q.subscription_id = ?2 \
         ORDER BY q.id LIMIT ?3) RETURNING {}",
        returned()
    ))
});
/// Takes a delivery whose subscription is not known.
pub(super) static TAKE_BY_ID: LazyLock<Sql> = LazyLock::new(|| {
    let of_any_subscription = WebhookDelivery::PARENT.map_or_else(|| "1 = 1".to_owned(), Parent::any_condition);
    Sql::from_numbered_text(&format!(
        "DELETE FROM webhook_queue WHERE organization_id = ?1 AND {of_any_subscription} AND id = ?2 RETURNING {}",
        returned()
    ))
});

/// The key of a delivery.
pub(super) type DeliveryKey = (OrganizationId, Id<WebhookSubscription>, Id<WebhookDelivery>);

pub(super) fn key(delivery: &Stored<WebhookDelivery>) -> DeliveryKey {
    (delivery.meta.organization, delivery.record.subscription, delivery.meta.id)
}

fn key_row((organization, subscription, id): DeliveryKey) -> Vec<Value<'static>> {
    vec![organization.into(), subscription.into(), id.into()]
}

fn read_key(cells: &mut RowReader<'_>) -> Result<DeliveryKey, StoreError> {
    Ok((cells.id()?, cells.id()?, cells.id()?))
}

/// Inserts new deliveries.
pub(super) async fn insert(session: &Session, deliveries: &[Stored<WebhookDelivery>]) -> Result<(), StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    session.execute_each(&INSERT_NEW, &rows).await.map(drop)
}

/// Inserts the deliveries that do not exist. Returns the indexes of those that do.
pub(super) async fn insert_missing(
    session: &Session,
    deliveries: &[Stored<WebhookDelivery>],
) -> Result<HashSet<usize>, StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let rejected = session.store_reporting_rejected(&INSERT_MISSING, &rows).await?;
    let mut existing: HashSet<usize> = rejected.into_iter().collect();
    // A delivery that was taken from the queue meanwhile is found among the changed ones only from now on: inserting it
    // has waited for the transaction that took it.
    let inserted = deliveries.iter().enumerate().filter(|(index, _)| !existing.contains(index));
    let inserted: Vec<(usize, DeliveryKey)> = inserted.map(|(index, delivery)| (index, key(delivery))).collect();
    let keys: Vec<_> = inserted.iter().map(|(_, key)| key_row(*key)).collect();
    let changed: HashSet<DeliveryKey> = session.fetch_each(&FIND_CHANGED, &keys, read_key).await?.into_iter().collect();
    let again: Vec<_> = inserted.into_iter().filter(|(_, key)| changed.contains(key)).collect();
    take(session, again.iter().map(|(_, key)| *key)).await?;
    existing.extend(again.into_iter().map(|(index, _)| index));
    Ok(existing)
}

/// Takes deliveries from the queue, in sort order so that no two transactions deadlock. Returns those that were there.
pub(super) async fn take(
    session: &Session,
    deliveries: impl Iterator<Item = DeliveryKey>,
) -> Result<HashSet<DeliveryKey>, StoreError> {
    let mut keys: Vec<DeliveryKey> = deliveries.collect();
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    keys.sort_unstable();
    let rows: Vec<_> = keys.into_iter().map(key_row).collect();
    Ok(session.fetch_each(&TAKE, &rows, read_key).await?.into_iter().collect())
}

/// Takes the first deliveries of a partition from the queue, at most `limit`.
pub(super) async fn take_first(
    session: &Session,
    partition: Partition,
    limit: u64,
) -> Result<Vec<Stored<WebhookDelivery>>, StoreError> {
    let [organization, subscription] = partitions::key_values(partition);
    let values = [organization, subscription, Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
    session.fetch(&TAKE_FIRST, &values, table::read).await
}

/// Inserts deliveries that were taken from the queue, with their time of change.
pub(super) async fn insert_changed<'d>(
    session: &Session,
    deliveries: impl Iterator<Item = (&'d Stored<WebhookDelivery>, Timestamp)>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = deliveries.map(|(delivery, updated_at)| changed_row(delivery, updated_at)).collect();
    if rows.is_empty() { Ok(()) } else { session.execute_each(&INSERT_CHANGED, &rows).await.map(drop) }
}

/// As [`insert_changed`], for deliveries of which some may exist. Returns the indexes of these.
pub(super) async fn insert_changed_reporting_existing<'d>(
    session: &Session,
    deliveries: impl Iterator<Item = (&'d Stored<WebhookDelivery>, Timestamp)>,
) -> Result<Vec<usize>, StoreError> {
    let rows: Vec<_> = deliveries.map(|(delivery, updated_at)| changed_row(delivery, updated_at)).collect();
    session.store_reporting_rejected(&Statements::for_kind(Kind::WebhookDelivery).insert, &rows).await
}

/// Prepares the tables for the deliveries of a commit, which are all written to the table of deliveries: moves those
/// that it changes or requires from the queue, and ensures that fan-out creates none of its new ones again.
pub(crate) async fn prepare_commit(
    session: &Session,
    writes: &[impl Borrow<Write> + Sync],
    required: &[(OrganizationId, Ulid, Revision)],
) -> Result<(), CommitError> {
    let deliveries = || {
        writes.iter().filter_map(|write| {
            let write: &Write = write.borrow();
            Some((write, write.record.as_any().downcast_ref::<WebhookDelivery>()?))
        })
    };
    let new: Vec<_> = deliveries().filter(|(write, _)| write.expected.is_none()).collect();
    if !new.is_empty() {
        let event = |(write, delivery): &(&Write, &WebhookDelivery)| events::PendingKey {
            organization: write.meta.organization,
            created_at: write.meta.created_at,
            revision: delivery.subject_revision,
            id: delivery.event,
        };
        events::mark_attempted(session, new.iter().map(event)).await?;
        let key = |(write, delivery): &(&Write, &WebhookDelivery)| {
            key_row((write.meta.organization, delivery.subscription, Id::new(write.meta.ulid())))
        };
        let keys: Vec<_> = new.iter().map(key).collect();
        if let Some((.., id)) = session.fetch_each(&FIND_QUEUED, &keys, read_key).await?.first() {
            return Err(CommitError::Conflict(Conflict::Revision(Kind::WebhookDelivery, id.ulid())));
        }
    }
    let changed = deliveries()
        .filter_map(|(write, _)| Some((write.meta.organization, write.meta.ulid(), write.expected?)))
        .chain(required.iter().copied());
    let rows: Vec<Vec<Value<'_>>> = changed
        .filter(|(.., revision)| *revision == Revision::FIRST)
        .map(|(organization, id, _)| vec![organization.into(), id.into()])
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let taken: Vec<Stored<WebhookDelivery>> = session.fetch_pipelined(&TAKE_BY_ID, &rows, table::read).await?;
    Ok(insert_changed(session, taken.iter().map(|delivery| (delivery, delivery.meta.updated_at))).await?)
}

fn row(stored: &Stored<WebhookDelivery>) -> Vec<Value<'_>> {
    let (meta, delivery) = (&stored.meta, &stored.record);
    vec![
        meta.organization.into(),
        meta.id.into(),
        delivery.subscription.into(),
        delivery.event.into(),
        Value::text(&delivery.event_type),
        delivery.subject.into(),
        delivery.subject_revision.into(),
        meta.created_at.into(),
        meta.updated_at.into(),
        delivery.next_attempt_at.unwrap_or(meta.created_at).into(),
    ]
}

fn changed_row(stored: &Stored<WebhookDelivery>, updated_at: Timestamp) -> Vec<Value<'_>> {
    let meta = &stored.meta;
    let mut row = vec![
        meta.organization.into(),
        meta.id.into(),
        meta.revision.into(),
        meta.created_at.into(),
        updated_at.max(meta.updated_at).into(),
    ];
    stored.record.bind(&mut row);
    row
}
