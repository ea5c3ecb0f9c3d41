//! Turning events into deliveries, by one server at a time: whoever has the lease, which is kept from changing hands until
//! what was distributed is stored.

use std::sync::{
    LazyLock,
    atomic::{AtomicBool, Ordering},
};

use ::store::Lease;
use kernel::{Kind, OrganizationId, Stamp, StoreError, Stored, Timestamp};
use webhooks::{Distribution, Lane, SubscriptionStatus, WebhookDelivery, WebhookSubscription, addressed};

use super::{events, lanes};
use crate::{
    engine::{Bulk, Session, Sql, Value, both, in_order},
    presence::Check,
    shape::listed,
    statements::Statements,
    table::{self, ENVELOPE, Table},
};

/// What one round is about.
pub(super) struct Round {
    pub(super) organization: OrganizationId,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    /// Deliveries are seen later than what they are about, so they are noted as changed now.
    pub(super) stamp: Stamp,
    pub(super) check: Check,
    /// Whether it was tried before.
    pub(super) tried: AtomicBool,
}

/// Most deliveries are new, and to find that out of each beforehand costs PostgreSQL as much as an index.
static NEW: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::hopeful(WebhookDelivery::NAME, &[&ENVELOPE, WebhookDelivery::COLUMNS].concat()));

static HELD: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed("SELECT CAST(1 AS bigint) FROM leases WHERE name = ? AND holder = ? AND expires_at > ?").locking()
});
static SUBSCRIPTIONS: LazyLock<Sql> = LazyLock::new(|| {
    let columns = ENVELOPE.iter().chain(WebhookSubscription::COLUMNS).map(|column| column.name);
    Sql::fixed(&format!(
        "SELECT {} FROM {} WHERE organization_id = ? AND status = ?",
        listed("", columns),
        WebhookSubscription::NAME
    ))
});

/// All of it in the transaction of the session.
pub(super) async fn distribute(session: &Session, round: &Round) -> Result<Distribution, StoreError> {
    let waiting = events::waiting(session, round.organization, round.limit);
    let found = both(waiting, subscriptions(session, round.organization));
    // The lease first: what is read after it was locked is what its last holder left.
    let (held, (events, subscriptions)) = both(is_held(session, round), found).await?;
    if !held || events.is_empty() {
        return Ok(Distribution::default());
    }
    let at = round.stamp.at();
    let deliveries: Vec<Stored<WebhookDelivery>> =
        events.iter().flat_map(|event| addressed(event, &subscriptions)).map(|delivery| seen(delivery, at)).collect();
    in_order(vec![
        Box::pin(round.check.hold(session, at)),
        Box::pin(insert(session, &deliveries, round.tried.swap(true, Ordering::Relaxed))),
        Box::pin(events::distributed(session, round.organization, &events)),
        Box::pin(lanes::wake(session, deliveries.iter().filter_map(arrival))),
    ])
    .await?;
    Ok(Distribution { events: events.len(), deliveries: deliveries.len() })
}

async fn is_held(session: &Session, round: &Round) -> Result<bool, StoreError> {
    let values = [Value::text(Lease::Distributor.name()), Value::text(&round.holder), round.now.into()];
    session.fetch_one(&HELD, &values, |cells| cells.int()).await.map(|held| held.is_some())
}

async fn subscriptions(
    session: &Session,
    organization: OrganizationId,
) -> Result<Vec<Stored<WebhookSubscription>>, StoreError> {
    let values = [organization.into(), Value::text(SubscriptionStatus::Active.name())];
    session.fetch(&SUBSCRIPTIONS, &values, table::read).await
}

/// Whoever finds one there, and so comes here again, leaves it as it is: it is the same one.
async fn insert(session: &Session, deliveries: &[Stored<WebhookDelivery>], again: bool) -> Result<(), StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let insert = if again { &Statements::of(Kind::WebhookDelivery).insert } else { &*NEW };
    session.execute_each(insert, &rows).await.map(drop)
}

fn row(delivery: &Stored<WebhookDelivery>) -> Vec<Value<'_>> {
    let meta = &delivery.meta;
    let mut row = vec![
        meta.organization.into(),
        meta.id.into(),
        meta.revision.into(),
        meta.created_at.into(),
        meta.updated_at.into(),
    ];
    delivery.record.bind(&mut row);
    row
}

fn seen(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}

fn arrival(delivery: &Stored<WebhookDelivery>) -> Option<(Lane, Timestamp)> {
    let lane = Lane { organization: delivery.meta.organization, subscription: delivery.record.subscription };
    Some((lane, delivery.record.next_attempt_at?))
}
