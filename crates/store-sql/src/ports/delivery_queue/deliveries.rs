//! The deliveries of partitions: finding due ones and cancelling pending ones.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kernel::{Id, OrganizationId, OutboxEvent, StoreError, Stored, Timestamp};
use webhooks::{DueDelivery, Partition, WebhookDelivery};

use super::{partitions, queued};
use crate::{
    engine::{
        BatchStatement, RowReader, Session, Sql, Value, column_list, corrupt, one_of, padded, padded_count, pipeline2,
    },
    records::{
        StatementCache, column_by_id,
        table::{self, META_COLUMNS, Table},
    },
    writer_registry::RegistrationCheck,
};

/// Returns the statement of the due deliveries of a partition. The first rows in this order are read and only then
/// filtered by time: with a bound on the time, planners expect so many rows that they sort all of them.
fn due_in(table: &str, order: &str) -> Sql {
    let columns = || META_COLUMNS.iter().chain(WebhookDelivery::COLUMNS).map(|column| column.name);
    Sql::from_numbered_text(&format!(
        "SELECT {all} FROM (SELECT {own} FROM {table} AS w WHERE w.organization_id = ?1 \
         AND w.subscription_id = ?2 AND w.next_attempt_at IS NOT NULL \
         ORDER BY {order} LIMIT ?3) AS d WHERE d.next_attempt_at <= ?4",
        all = column_list("d.", columns()),
        own = column_list("w.", columns()),
    ))
}

/// Identifiers begin with the time of the event, so those in the queue are in the order of their events.
pub(super) static DUE_QUEUED: LazyLock<Sql> =
    LazyLock::new(|| due_in(WebhookDelivery::UNCHANGED_VIEW.unwrap_or_default(), "w.id"));
pub(super) static DUE_CHANGED: LazyLock<Sql> =
    LazyLock::new(|| due_in(WebhookDelivery::NAME, "w.next_attempt_at, w.subject_revision, w.id"));
/// The bodies of events, each read once, since many subscriptions receive the same event.
pub(super) static BODIES: LazyLock<BatchStatement> = LazyLock::new(|| column_by_id("outbox", "body"));
/// Cancels open deliveries that were changed before. The outer condition also applies to rows that were changed after the
/// subquery found them.
pub(super) static CANCEL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_numbered_text(
        "UPDATE webhook_deliveries SET state = 'cancelled', next_attempt_at = NULL, revision = revision + 1, \
         updated_at = CASE WHEN updated_at < ?3 THEN ?3 ELSE updated_at + 1 END \
         WHERE organization_id = ?1 AND subscription_id = ?2 AND state IN ('pending', 'failed') \
         AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE d.organization_id = ?1 AND d.subscription_id = ?2 AND d.next_attempt_at IS NOT NULL \
         ORDER BY d.next_attempt_at, d.subject_revision, d.id LIMIT ?4)",
    )
});
static EXISTING: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

/// The timestamp of a transaction's changes, and the check that other processes still respect it.
type CheckedTimestamp = (Timestamp, RegistrationCheck);

/// A request for the due deliveries of a partition.
#[derive(Clone, Copy)]
pub(super) struct DueRequest {
    pub(super) partition: Partition,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// The merged requests for one partition, with the deliveries found.
struct MergedRequest {
    request: DueRequest,
    /// The number of requests that are not answered yet.
    unanswered: usize,
    due: Vec<Stored<WebhookDelivery>>,
}

/// Returns the due deliveries for each request.
pub(super) fn due<'s>(
    requests: &'s [DueRequest],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<Vec<DueDelivery>>, StoreError>> {
    Box::pin(async move {
        let mut partitions: BTreeMap<Partition, MergedRequest> = BTreeMap::new();
        for request in requests {
            let merged = partitions.entry(request.partition);
            let merged = merged.or_insert_with(|| MergedRequest { request: *request, unanswered: 0, due: Vec::new() });
            let all = &mut merged.request;
            *all = DueRequest { now: all.now.max(request.now), limit: all.limit.max(request.limit), ..*all };
            merged.unanswered += 1;
        }
        let row = |MergedRequest { request: DueRequest { partition, now, limit }, .. }: &MergedRequest| {
            let [organization, subscription] = partitions::key_values(*partition);
            vec![organization, subscription, Value::limit(*limit), (*now).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = partitions.values().map(row).collect();
        // A delivery is moved from the queue to the changed ones, so none is missed in this order.
        let due = pipeline2(
            session.fetch_pipelined(&DUE_QUEUED, &rows, table::read::<WebhookDelivery>),
            session.fetch_pipelined(&DUE_CHANGED, &rows, table::read::<WebhookDelivery>),
        );
        let (queued, mut due) = due.await?;
        let changed: HashSet<_> = due.iter().map(queued::key).collect();
        due.extend(queued.into_iter().filter(|delivery| !changed.contains(&queued::key(delivery))));
        let bodies = bodies(session, due.iter().map(event_key).collect()).await?;
        for delivery in due {
            let (organization, subscription) = (delivery.meta.organization, delivery.record.subscription);
            if let Some(merged) = partitions.get_mut(&Partition { organization, subscription }) {
                merged.due.push(delivery);
            }
        }
        partitions.values_mut().for_each(|merged| merged.due.sort_unstable_by_key(WebhookDelivery::due_order));
        let answer = |request: &DueRequest| {
            let merged = partitions.get_mut(&request.partition);
            merged.map_or(Ok(Vec::new()), |merged| merged.answer_for(*request, &bodies))
        };
        requests.iter().map(answer).collect()
    })
}

/// The key of an event: its organization and id.
type EventKey = (OrganizationId, Id<OutboxEvent>);

fn event_key(delivery: &Stored<WebhookDelivery>) -> EventKey {
    (delivery.meta.organization, delivery.record.event)
}

async fn bodies(session: &Session, events: BTreeSet<EventKey>) -> Result<HashMap<EventKey, Bytes>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> =
        events.iter().map(|(organization, event)| vec![(*organization).into(), (*event).into()]).collect();
    let read = |cells: &mut RowReader<'_>| Ok(((cells.id()?, cells.id()?), Bytes::copy_from_slice(cells.blob()?)));
    Ok(session.fetch_each(&BODIES, &rows, read).await?.into_iter().collect())
}

impl MergedRequest {
    /// The deliveries for one of the merged requests.
    fn answer_for(
        &mut self,
        request: DueRequest,
        bodies: &HashMap<EventKey, Bytes>,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        self.unanswered -= 1;
        let due = if self.unanswered == 0 { std::mem::take(&mut self.due) } else { self.due.clone() };
        let is_due = |due: &Stored<WebhookDelivery>| due.record.next_attempt_at <= Some(request.now);
        let with_body = |delivery: Stored<WebhookDelivery>| {
            let body =
                bodies.get(&event_key(&delivery)).ok_or_else(|| corrupt("the event of a delivery does not exist"))?;
            Ok(DueDelivery { body: body.clone(), delivery })
        };
        due.into_iter().filter(is_due).take(request.limit).map(with_body).collect()
    }
}

pub(super) async fn cancel(
    session: &Session,
    (at, check): CheckedTimestamp,
    partition: Partition,
    now: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let [organization, subscription] = partitions::key_values(partition);
    let values = [organization, subscription, at.max(now).into(), Value::limit(limit)];
    let ((), cancelled) = pipeline2(check.lock(session, at), session.execute(&CANCEL, &values)).await?;
    let left = u64::try_from(limit).unwrap_or(u64::MAX).saturating_sub(cancelled);
    if left == 0 {
        return Ok(cancelled);
    }
    let taken = queued::take_first(session, partition, left).await?;
    let cancel = |delivery: &Stored<WebhookDelivery>| delivery.changed(at.max(now), delivery.record.cancelled());
    let taken: Vec<_> = taken.iter().map(cancel).collect();
    queued::insert_changed(session, taken.iter().map(|delivery| (delivery, delivery.meta.updated_at))).await?;
    Ok(cancelled + taken.len() as u64)
}

pub(super) async fn existing(
    session: &Session,
    partition: Partition,
    deliveries: &[Id<WebhookDelivery>],
) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = partitions::key_values(partition).to_vec();
    values.extend(padded(deliveries.iter().map(|id| Value::from(*id))));
    session.fetch(&existing_statement(deliveries.len()), &values, |cells| cells.id()).await
}

pub(super) fn existing_statement(count: usize) -> Arc<Sql> {
    EXISTING.get(padded_count(count), |count| {
        // The index alone has no revision: a planner that reads only the index would scan all deliveries of the
        // subscription.
        Sql::from_numbered_text(&format!(
            "SELECT id, revision FROM webhook_deliveries WHERE organization_id = ?1 AND subscription_id = ?2 AND {among} \
             UNION ALL SELECT id, subject_revision FROM webhook_queue \
             WHERE organization_id = ?1 AND subscription_id = ?2 AND {among} ORDER BY id",
            among = one_of("id", 3, *count)
        ))
    })
}
