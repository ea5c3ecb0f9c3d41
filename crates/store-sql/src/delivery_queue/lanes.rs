//! Lanes: who sends to which subscription, and when there is something for it.
//!
//! A lane is due from the moment in its row on. Whoever holds it does so by a lease in the same row. What comes in meanwhile
//! is counted there, so that it is not given up before its holder has looked again.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use kernel::{Id, OrganizationId, StoreError, Timestamp, Write};
use sea_query::{Expr, ExprTrait as _, LockType, Order, Query};
use webhooks::{Lag, Lane, LaneSigns, WebhookDelivery, WebhookSubscription};

use crate::{
    engine::{Bulk, Cells, Column, Session, Sql, Value, both, corrupt},
    shape::{one_of, place, rounded},
    statements::padded,
    texts::Texts,
};

pub(crate) const TABLE: &str = "webhook_lanes";

pub(crate) const COLUMNS: [Column; 8] = [
    Column::text("organization_id"),
    Column::text("subscription_id"),
    Column::int("due_at"),
    Column::int("arrived"),
    Column::text("holder"),
    Column::int("held_until"),
    Column::int("last_delivery_at"),
    Column::int("failing_since"),
];

static WAKE: LazyLock<Bulk> = LazyLock::new(|| {
    let [organization, subscription, due_at, arrived, ..] = COLUMNS;
    Bulk::merge(
        TABLE,
        &[organization, subscription, due_at, arrived],
        "due_at = CASE WHEN webhook_lanes.due_at < excluded.due_at THEN webhook_lanes.due_at ELSE excluded.due_at END, \
         arrived = webhook_lanes.arrived + 1",
    )
});
/// Over all organizations: who sends serves them all.
pub(super) static DUE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::numbered(
        "SELECT organization_id, subscription_id FROM webhook_lanes \
         WHERE due_at <= ?1 AND (holder IS NULL OR held_until <= ?1) \
         ORDER BY due_at, organization_id, subscription_id LIMIT ?2",
    )
});
/// In the order in which every transaction of several lanes takes them, so that no two wait for each other.
static HELD: LazyLock<Sql> = LazyLock::new(|| {
    let mut held = Query::select();
    held.column("subscription_id").from(TABLE).and_where(Expr::col("holder").eq(place()));
    held.order_by("organization_id", Order::Asc).order_by("subscription_id", Order::Asc);
    Sql::built(held.lock(LockType::Update))
});
static RENEW: LazyLock<Sql> =
    LazyLock::new(|| Sql::numbered("UPDATE webhook_lanes SET held_until = ?2 WHERE holder = ?1"));
static GIVE_UP_ALL: LazyLock<Sql> =
    LazyLock::new(|| Sql::numbered("UPDATE webhook_lanes SET holder = NULL, held_until = NULL WHERE holder = ?1"));
static SIGN: LazyLock<Bulk> = LazyLock::new(|| {
    let [organization, subscription, _, arrived, .., last_delivery_at, failing_since] = COLUMNS;
    Bulk::merge(
        TABLE,
        &[organization, subscription, arrived, last_delivery_at, failing_since],
        "last_delivery_at = excluded.last_delivery_at, failing_since = excluded.failing_since",
    )
});
static SIGNS: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);
/// Over all organizations. A lane that is held is due for as long as it was taken for, so its deliveries tell.
pub(super) static LAG: LazyLock<Sql> = LazyLock::new(|| {
    Sql::numbered(
        "SELECT (SELECT min(created_at) FROM outbox WHERE state = 'pending'), min(w.since), count(w.since) \
         FROM (SELECT (SELECT d.next_attempt_at FROM webhook_deliveries AS d \
         WHERE d.organization_id = l.organization_id AND d.subscription_id = l.subscription_id \
         AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at LIMIT 1) AS since \
         FROM webhook_lanes AS l WHERE l.due_at <= ?1) AS w WHERE w.since <= ?1",
    )
});

/// Makes lanes due, each from its moment on, if they are not already.
pub(crate) async fn wake(session: &Session, lanes: impl Iterator<Item = (Lane, Timestamp)>) -> Result<(), StoreError> {
    let mut due = BTreeMap::new();
    for (lane, at) in lanes {
        let since = due.entry(lane).or_insert(at);
        *since = at.min(*since);
    }
    let row =
        |(lane, at): (Lane, Timestamp)| vec![lane.organization.into(), lane.subscription.into(), at.into(), 1.into()];
    let rows: Vec<Vec<Value<'_>>> = due.into_iter().map(row).collect();
    if rows.is_empty() { Ok(()) } else { session.store(&WAKE, &rows).await.map(drop) }
}

/// The lanes that these writes have something for: their deliveries are due, or their subscriptions are to be looked at.
pub(crate) fn woken_by(writes: &[Write]) -> impl Iterator<Item = (Lane, Timestamp)> {
    writes.iter().filter_map(|write| {
        let (organization, record) = (write.meta.organization, write.record.as_any());
        if record.is::<WebhookSubscription>() {
            let lane = Lane { organization, subscription: Id::new(write.meta.ulid()) };
            return Some((lane, write.meta.updated_at));
        }
        let delivery = record.downcast_ref::<WebhookDelivery>()?;
        Some((Lane { organization, subscription: delivery.subscription }, delivery.next_attempt_at?))
    })
}

pub(super) async fn due(session: &Session, now: Timestamp, limit: usize) -> Result<Vec<Lane>, StoreError> {
    let read = |cells: &mut Cells<'_>| Ok(Lane { organization: cells.id()?, subscription: cells.id()? });
    session.fetch(&DUE, &[now.into(), Value::most(limit)], read).await
}

pub(super) async fn renew(session: &Session, holder: &str, until: Timestamp) -> Result<(), StoreError> {
    let values = [Value::text(holder), until.into()];
    take_all(session, &RENEW, &values).await
}

pub(super) async fn give_up_all(session: &Session, holder: &str) -> Result<(), StoreError> {
    take_all(session, &GIVE_UP_ALL, &[Value::text(holder)]).await
}

/// Does something to all lanes of a holder, which is the first of the values.
async fn take_all(session: &Session, sql: &Sql, values: &[Value<'_>]) -> Result<(), StoreError> {
    let held = session.visit(&HELD, values.get(..1).unwrap_or(values), |_| Ok(()));
    both(held, session.execute(sql, values)).await.map(drop)
}

/// Lanes are taken in their order, as everybody does who takes several.
pub(super) async fn sign(session: &Session, signs: &BTreeMap<Lane, LaneSigns>) -> Result<(), StoreError> {
    let row = |(lane, signs): (&Lane, &LaneSigns)| {
        let [organization, subscription] = named(*lane);
        let LaneSigns { last_delivery_at, failing_since } = *signs;
        vec![organization, subscription, 0.into(), Value::opt(last_delivery_at), Value::opt(failing_since)]
    };
    let rows: Vec<Vec<Value<'_>>> = signs.iter().map(row).collect();
    if rows.is_empty() { Ok(()) } else { session.store(&SIGN, &rows).await.map(drop) }
}

pub(super) async fn signs(
    session: &Session,
    organization: OrganizationId,
    subscriptions: &[Id<WebhookSubscription>],
) -> Result<Vec<(Id<WebhookSubscription>, LaneSigns)>, StoreError> {
    if subscriptions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = signs_of(subscriptions.len());
    let mut values = vec![organization.into()];
    values.extend(padded(subscriptions.iter().map(|id| Value::from(*id))));
    session.fetch(&sql, &values, |cells| Ok((cells.id()?, read_signs(cells)?))).await
}

pub(super) async fn lag(session: &Session, now: Timestamp) -> Result<Lag, StoreError> {
    let read = |cells: &mut Cells<'_>| {
        Ok(Lag { oldest_event: cells.opt_time()?, oldest_due: cells.opt_time()?, lanes_due: cells.count()? })
    };
    session.fetch_one(&LAG, &[now.into()], read).await?.ok_or_else(|| corrupt("a count gave no row"))
}

fn signs_of(count: usize) -> Arc<Sql> {
    SIGNS.get(rounded(count), |count| {
        Sql::numbered(&format!(
            "SELECT subscription_id, last_delivery_at, failing_since FROM webhook_lanes \
             WHERE organization_id = ?1 AND {} AND (last_delivery_at IS NOT NULL OR failing_since IS NOT NULL) \
             ORDER BY subscription_id",
            one_of("subscription_id", 2, *count)
        ))
    })
}

pub(super) fn named(lane: Lane) -> [Value<'static>; 2] {
    [lane.organization.into(), lane.subscription.into()]
}

pub(super) fn read_signs(cells: &mut Cells<'_>) -> Result<LaneSigns, StoreError> {
    Ok(LaneSigns { last_delivery_at: cells.opt_time()?, failing_since: cells.opt_time()? })
}
