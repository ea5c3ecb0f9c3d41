//! The deliveries of partitions: finding due ones and cancelling pending ones.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kernel::{Id, OrganizationId, OutboxEvent, Revision, StoreError, Stored, Timestamp};
use webhooks::{DueDelivery, Partition, WebhookDelivery};

use super::lanes;
use crate::{
    engine::{Bulk, Cells, Column, Session, Sql, Value, both, corrupt},
    presence::Check,
    shape::{listed, one_of, rounded},
    statements::padded,
    table::{self, ENVELOPE, Table},
    texts::Texts,
};

/// The due deliveries of a partition. The first entries of the index are read and only then filtered by time: with a
/// bound on the time, planners expect so many rows that they sort all of them.
pub(super) static DUE: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = || ENVELOPE.iter().chain(WebhookDelivery::COLUMNS).map(|column| column.name);
    let found = |[organization, subscription, limit, now]: [&str; 4], partitions: &str| {
        format!(
            "SELECT {all} FROM {partitions}(SELECT {own} FROM {table} AS w WHERE w.organization_id = {organization} \
             AND w.subscription_id = {subscription} AND w.next_attempt_at IS NOT NULL \
             ORDER BY w.next_attempt_at, w.subject_revision, w.id LIMIT {limit}) AS d \
             WHERE d.next_attempt_at <= {now}",
            all = listed("d.", columns()),
            own = listed("w.", columns()),
            table = WebhookDelivery::NAME,
        )
    };
    Bulk::each(
        &[ENVELOPE[0], Column::text("subscription_id"), Column::int("most"), Column::int("now")],
        &found(["?1", "?2", "?3", "?4"], ""),
        &found(["v.organization_id", "v.subscription_id", "v.most", "v.now"], "{rows} CROSS JOIN LATERAL "),
    )
});
/// The bodies of events, each read once, since many subscriptions receive the same event.
pub(super) static BODIES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::each(
        &ENVELOPE[..2],
        "SELECT organization_id, id, body FROM outbox WHERE organization_id = ?1 AND id = ?2",
        "SELECT o.organization_id, o.id, o.body FROM {rows} \
         JOIN outbox AS o ON o.organization_id = v.organization_id AND o.id = v.id",
    )
});
/// Cancels pending deliveries. The outer condition also applies to rows that were changed after the subquery found
/// them.
pub(super) static CANCEL: LazyLock<Sql> = LazyLock::new(|| {
    Sql::numbered(
        "UPDATE webhook_deliveries SET state = 'cancelled', next_attempt_at = NULL, revision = revision + 1, \
         updated_at = CASE WHEN updated_at < ?3 THEN ?3 ELSE updated_at END \
         WHERE organization_id = ?1 AND subscription_id = ?2 AND state IN ('pending', 'failed') \
         AND id IN (SELECT d.id FROM webhook_deliveries AS d \
         WHERE d.organization_id = ?1 AND d.subscription_id = ?2 AND d.next_attempt_at IS NOT NULL \
         ORDER BY d.next_attempt_at, d.subject_revision, d.id LIMIT ?4)",
    )
});
static KNOWN: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

/// The timestamp of a transaction's changes, and the check that other processes still respect it.
type Stamped = (Timestamp, Check);

/// A request for the due deliveries of a partition.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) lane: Partition,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// The merged requests for one partition, with the deliveries found.
struct Sought {
    all: Asked,
    /// The number of requests that are not answered yet.
    askers: usize,
    due: Vec<Stored<WebhookDelivery>>,
}

/// Returns the due deliveries for each request.
pub(super) fn due<'s>(
    requests: &'s [Asked],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<Vec<DueDelivery>>, StoreError>> {
    Box::pin(async move {
        let mut partitions: BTreeMap<Partition, Sought> = BTreeMap::new();
        for request in requests {
            let merged = partitions.entry(request.lane);
            let merged = merged.or_insert_with(|| Sought { all: *request, askers: 0, due: Vec::new() });
            let all = &mut merged.all;
            *all = Asked { now: all.now.max(request.now), limit: all.limit.max(request.limit), ..*all };
            merged.askers += 1;
        }
        let row = |Sought { all: Asked { lane: partition, now, limit }, .. }: &Sought| {
            let [organization, subscription] = lanes::named(*partition);
            vec![organization, subscription, Value::most(*limit), (*now).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = partitions.values().map(row).collect();
        let due: Vec<Stored<WebhookDelivery>> = session.fetch_each(&DUE, &rows, table::read).await?;
        let bodies = bodies(session, due.iter().map(event).collect()).await?;
        for delivery in due {
            let (organization, subscription) = (delivery.meta.organization, delivery.record.subscription);
            if let Some(merged) = partitions.get_mut(&Partition { organization, subscription }) {
                merged.due.push(delivery);
            }
        }
        partitions.values_mut().for_each(|merged| merged.due.sort_unstable_by_key(place));
        let answer = |request: &Asked| {
            let merged = partitions.get_mut(&request.lane);
            merged.map_or(Ok(Vec::new()), |merged| merged.tell(*request, &bodies))
        };
        requests.iter().map(answer).collect()
    })
}

/// The order of delivery: the longest due first and, with equal times, lower revisions first.
fn place(due: &Stored<WebhookDelivery>) -> (Option<Timestamp>, Revision, Id<WebhookDelivery>) {
    (due.record.next_attempt_at, due.record.subject_revision, due.meta.id)
}

/// The key of an event: its organization and id.
type Event = (OrganizationId, Id<OutboxEvent>);

fn event(delivery: &Stored<WebhookDelivery>) -> Event {
    (delivery.meta.organization, delivery.record.event)
}

async fn bodies(session: &Session, events: BTreeSet<Event>) -> Result<HashMap<Event, Bytes>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> =
        events.iter().map(|(organization, event)| vec![(*organization).into(), (*event).into()]).collect();
    let read = |cells: &mut Cells<'_>| Ok(((cells.id()?, cells.id()?), Bytes::copy_from_slice(cells.blob()?)));
    Ok(session.fetch_each(&BODIES, &rows, read).await?.into_iter().collect())
}

impl Sought {
    /// The deliveries for one of the merged requests.
    fn tell(&mut self, request: Asked, bodies: &HashMap<Event, Bytes>) -> Result<Vec<DueDelivery>, StoreError> {
        self.askers -= 1;
        let due = if self.askers == 0 { std::mem::take(&mut self.due) } else { self.due.clone() };
        let is_due = |due: &Stored<WebhookDelivery>| due.record.next_attempt_at <= Some(request.now);
        let with_body = |delivery: Stored<WebhookDelivery>| {
            let body =
                bodies.get(&event(&delivery)).ok_or_else(|| corrupt("the event of a delivery does not exist"))?;
            Ok(DueDelivery { body: body.clone(), delivery })
        };
        due.into_iter().filter(is_due).take(request.limit).map(with_body).collect()
    }
}

pub(super) async fn cancel(
    session: &Session,
    (at, check): Stamped,
    partition: Partition,
    now: Timestamp,
    limit: usize,
) -> Result<u64, StoreError> {
    let [organization, subscription] = lanes::named(partition);
    let values = [organization, subscription, at.max(now).into(), Value::most(limit)];
    both(check.hold(session, at), session.execute(&CANCEL, &values)).await.map(|((), cancelled)| cancelled)
}

pub(super) async fn known(
    session: &Session,
    partition: Partition,
    deliveries: &[Id<WebhookDelivery>],
) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = lanes::named(partition).to_vec();
    values.extend(padded(deliveries.iter().map(|id| Value::from(*id))));
    session.fetch(&known_of(deliveries.len()), &values, |cells| cells.id()).await
}

pub(super) fn known_of(count: usize) -> Arc<Sql> {
    KNOWN.get(rounded(count), |count| {
        Sql::numbered(&format!(
            "SELECT id FROM webhook_deliveries WHERE organization_id = ?1 AND subscription_id = ?2 AND {} ORDER BY id",
            one_of("id", 3, *count)
        ))
    })
}
