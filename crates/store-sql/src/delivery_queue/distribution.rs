//! Turning events into deliveries, by one server at a time: whoever has the lease, which is kept from changing hands until
//! what was distributed is stored.

use std::{
    collections::HashSet,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ::store::Lease;
use kernel::{Id, Kind, OrganizationId, Stamp, StoreError, Stored, Timestamp};
use webhooks::{Audience, Distribution, Lane, SubscriptionStatus, WebhookDelivery, WebhookSubscription, addressed};

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
    pub(super) audience: Audience,
    /// Deliveries are seen later than what they are about, so they are noted as changed now.
    pub(super) stamp: Stamp,
    pub(super) check: Check,
    /// Whether some of it may be stored already.
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

static FAILING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed("SELECT subscription_id FROM webhook_lanes WHERE organization_id = ? AND failing_since IS NOT NULL")
});

/// All of it in the transaction of the session.
pub(super) async fn distribute(session: &Session, round: &Round) -> Result<Distribution, StoreError> {
    let waiting = events::waiting(session, round.organization, round.limit);
    let found = both(waiting, both(subscriptions(session, round.organization), failing(session, round)));
    // The lease first: what is read after it was locked is what its last holder left.
    let (held, (events, (subscriptions, failing))) = both(is_held(session, round), found).await?;
    if !held || events.is_empty() {
        return Ok(Distribution::default());
    }
    let at = round.stamp.at();
    let all = events.iter().flat_map(|event| addressed(event, &subscriptions)).map(|delivery| seen(delivery, at));
    let (sound, rest): (Vec<_>, Vec<_>) = all.partition(|delivery| !failing.contains(&delivery.record.subscription));
    let left = round.audience == Audience::Sound && !sound.is_empty() && !rest.is_empty();
    let told = if left { sound } else { [sound, rest].concat() };
    let distribution = Distribution { events: events.len(), deliveries: told.len(), left };
    let over = if left { &[][..] } else { &events };
    if round.tried.swap(true, Ordering::Relaxed) {
        // One that is there already is the same one, and whoever stored it made its lane due.
        let ((), there) = both(round.check.hold(session, at), insert_missing(session, &told)).await?;
        let missing = told.iter().enumerate().filter(|(place, _)| !there.contains(place));
        let missing = missing.filter_map(|(_, delivery)| arrival(delivery));
        both(events::distributed(session, round.organization, over), lanes::wake(session, missing)).await?;
    } else {
        in_order(vec![
            Box::pin(round.check.hold(session, at)),
            Box::pin(insert(session, &told)),
            Box::pin(events::distributed(session, round.organization, over)),
            Box::pin(lanes::wake(session, told.iter().filter_map(arrival))),
        ])
        .await?;
    }
    Ok(distribution)
}

/// The subscriptions whose endpoints are failing, where that matters.
async fn failing(session: &Session, round: &Round) -> Result<HashSet<Id<WebhookSubscription>>, StoreError> {
    if round.audience == Audience::All {
        return Ok(HashSet::new());
    }
    let failing = session.fetch(&FAILING, &[round.organization.into()], |cells| cells.id()).await?;
    Ok(failing.into_iter().collect())
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

async fn insert(session: &Session, deliveries: &[Stored<WebhookDelivery>]) -> Result<(), StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    session.execute_each(&NEW, &rows).await.map(drop)
}

/// Says which of them were there.
async fn insert_missing(
    session: &Session,
    deliveries: &[Stored<WebhookDelivery>],
) -> Result<HashSet<usize>, StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let there = session.store_some(&Statements::of(Kind::WebhookDelivery).insert, &rows).await?;
    Ok(there.into_iter().collect())
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
