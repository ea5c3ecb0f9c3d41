//! Deliveries on lanes: what is due, and what is never to be sent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kernel::{Id, OrganizationId, OutboxEvent, Revision, StoreError, Stored, Timestamp};
use webhooks::{Due, Lane, WebhookDelivery};

use super::lanes;
use crate::{
    engine::{Bulk, Cells, Column, Session, Sql, Value, both, corrupt},
    presence::Check,
    shape::{listed, one_of, rounded},
    statements::padded,
    table::{self, ENVELOPE, Table},
    texts::Texts,
};

/// What is first in the index is taken, and only then looked at: a bound on its moment makes planners expect so many that
/// they sort all there are.
pub(super) static DUE: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = || ENVELOPE.iter().chain(WebhookDelivery::COLUMNS).map(|column| column.name);
    let found = |[organization, subscription, limit, now]: [&str; 4], lanes: &str| {
        format!(
            "SELECT {all} FROM {lanes}(SELECT {own} FROM {table} AS w WHERE w.organization_id = {organization} \
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
/// Of each event once: many subscriptions are told the same.
pub(super) static BODIES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::each(
        &ENVELOPE[..2],
        "SELECT organization_id, id, body FROM outbox WHERE organization_id = ?1 AND id = ?2",
        "SELECT o.organization_id, o.id, o.body FROM {rows} \
         JOIN outbox AS o ON o.organization_id = v.organization_id AND o.id = v.id",
    )
});
/// The outer condition holds also for one that was changed since it was found.
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

/// The moment of a transaction's changes, and whether others still wait for it.
type Stamped = (Timestamp, Check);

/// What somebody would know of a lane.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) lane: Lane,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
}

/// What all who asked want to know of a lane, and what was found.
struct Sought {
    all: Asked,
    /// How many were not told yet.
    askers: usize,
    due: Vec<Stored<WebhookDelivery>>,
}

/// What is due on each of these lanes.
pub(super) fn due<'s>(asked: &'s [Asked], session: &'s Session) -> BoxFuture<'s, Result<Vec<Vec<Due>>, StoreError>> {
    Box::pin(async move {
        let mut lanes: BTreeMap<Lane, Sought> = BTreeMap::new();
        for one in asked {
            let Sought { all, askers, .. } =
                lanes.entry(one.lane).or_insert_with(|| Sought { all: *one, askers: 0, due: Vec::new() });
            *all = Asked { now: all.now.max(one.now), limit: all.limit.max(one.limit), ..*all };
            *askers += 1;
        }
        let row = |Sought { all: Asked { lane, now, limit }, .. }: &Sought| {
            let [organization, subscription] = lanes::named(*lane);
            vec![organization, subscription, Value::most(*limit), (*now).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = lanes.values().map(row).collect();
        let due: Vec<Stored<WebhookDelivery>> = session.fetch_each(&DUE, &rows, table::read).await?;
        let bodies = bodies(session, due.iter().map(event).collect()).await?;
        for delivery in due {
            let lane = Lane { organization: delivery.meta.organization, subscription: delivery.record.subscription };
            if let Some(sought) = lanes.get_mut(&lane) {
                sought.due.push(delivery);
            }
        }
        lanes.values_mut().for_each(|sought| sought.due.sort_unstable_by_key(place));
        let tell = |one: &Asked| lanes.get_mut(&one.lane).map_or(Ok(Vec::new()), |sought| sought.tell(*one, &bodies));
        asked.iter().map(tell).collect()
    })
}

/// The longest-due first and, of one moment, lower revisions first.
fn place(due: &Stored<WebhookDelivery>) -> (Option<Timestamp>, Revision, Id<WebhookDelivery>) {
    (due.record.next_attempt_at, due.record.subject_revision, due.meta.id)
}

/// An event, and whose it is.
type Event = (OrganizationId, Id<OutboxEvent>);

fn event(delivery: &Stored<WebhookDelivery>) -> Event {
    (delivery.meta.organization, delivery.record.event)
}

async fn bodies(session: &Session, events: BTreeSet<Event>) -> Result<HashMap<Event, Bytes>, StoreError> {
    let rows: Vec<Vec<Value<'_>>> =
        events.iter().map(|(whose, event)| vec![(*whose).into(), (*event).into()]).collect();
    let read = |cells: &mut Cells<'_>| Ok(((cells.id()?, cells.id()?), Bytes::copy_from_slice(cells.blob()?)));
    Ok(session.fetch_each(&BODIES, &rows, read).await?.into_iter().collect())
}

impl Sought {
    /// What this one asked for.
    fn tell(&mut self, asked: Asked, bodies: &HashMap<Event, Bytes>) -> Result<Vec<Due>, StoreError> {
        self.askers -= 1;
        let due = if self.askers == 0 { std::mem::take(&mut self.due) } else { self.due.clone() };
        let is_due = |due: &Stored<WebhookDelivery>| due.record.next_attempt_at <= Some(asked.now);
        let whole = |delivery: Stored<WebhookDelivery>| {
            let body = bodies.get(&event(&delivery)).ok_or_else(|| corrupt("a delivery tells of no event"))?;
            Ok(Due { body: body.clone(), delivery })
        };
        due.into_iter().filter(is_due).take(asked.limit).map(whole).collect()
    }
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
    lane: Lane,
    deliveries: &[Id<WebhookDelivery>],
) -> Result<Vec<Id<WebhookDelivery>>, StoreError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let mut values = lanes::named(lane).to_vec();
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
