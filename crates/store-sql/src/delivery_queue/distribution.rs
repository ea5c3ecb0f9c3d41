//! Fan-out of events to deliveries, by one server at a time: the owner of the lease, whose row is locked until the
//! deliveries are stored.

use std::{
    collections::HashSet,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ::store::Lease;
use kernel::{Id, Kind, OrganizationId, StoreError, Stored, Timestamp, WriteTimestamp};
use webhooks::{
    FanOut, FanOutPhase, Partition, SubscriptionStatus, WebhookDelivery, WebhookSubscription, deliveries_for,
};

use super::{events, lanes};
use crate::{
    engine::{Bulk, Session, Sql, Value, both, in_order},
    presence::Check,
    shape::listed,
    statements::Statements,
    table::{self, ENVELOPE, Table},
};

/// The arguments of one fan-out.
pub(super) struct Round {
    pub(super) organization: OrganizationId,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) audience: FanOutPhase,
    /// The timestamp of the deliveries' last change. They become visible later than their events.
    pub(super) stamp: WriteTimestamp,
    pub(super) check: Check,
    /// Whether some of the deliveries may be stored already.
    pub(super) tried: AtomicBool,
}

/// Inserts deliveries that are probably new. Checking each for a conflict first would cost PostgreSQL as much as an
/// index.
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

/// Fans out events in the transaction of the session.
pub(super) async fn distribute(session: &Session, request: &Round) -> Result<FanOut, StoreError> {
    let pending = events::waiting(session, request.organization, request.limit);
    let reads = both(pending, both(subscriptions(session, request.organization), failing(session, request)));
    // The lease comes first: reads after it is locked see everything that its previous owner stored.
    let (owns_lease, (events, (subscriptions, failing))) = both(is_held(session, request), reads).await?;
    if !owns_lease || events.is_empty() {
        return Ok(FanOut::default());
    }
    let at = request.stamp.at();
    let all = events.iter().flat_map(|event| deliveries_for(event, &subscriptions)).map(|delivery| seen(delivery, at));
    let is_healthy = |delivery: &Stored<WebhookDelivery>| !failing.contains(&delivery.record.subscription);
    let (healthy, unhealthy): (Vec<_>, Vec<_>) = all.partition(is_healthy);
    let remaining = request.audience == FanOutPhase::Healthy && !healthy.is_empty() && !unhealthy.is_empty();
    let deliveries = if remaining { healthy } else { [healthy, unhealthy].concat() };
    let result = FanOut { events: events.len(), deliveries: deliveries.len(), remaining };
    let finished = if remaining { &[][..] } else { &events };
    if request.tried.swap(true, Ordering::Relaxed) {
        // An existing delivery is identical, and its partition was marked due when it was stored.
        let ((), existing) = both(request.check.hold(session, at), insert_missing(session, &deliveries)).await?;
        let inserted = deliveries.iter().enumerate().filter(|(index, _)| !existing.contains(index));
        let due = inserted.filter_map(|(_, delivery)| arrival(delivery));
        both(events::distributed(session, request.organization, finished), lanes::wake(session, due)).await?;
    } else {
        in_order(vec![
            Box::pin(request.check.hold(session, at)),
            Box::pin(insert(session, &deliveries)),
            Box::pin(events::distributed(session, request.organization, finished)),
            Box::pin(lanes::wake(session, deliveries.iter().filter_map(arrival))),
        ])
        .await?;
    }
    Ok(result)
}

/// The subscriptions whose endpoints are failing. Empty in the phase that does not distinguish them.
async fn failing(session: &Session, request: &Round) -> Result<HashSet<Id<WebhookSubscription>>, StoreError> {
    if request.audience == FanOutPhase::Remaining {
        return Ok(HashSet::new());
    }
    let failing = session.fetch(&FAILING, &[request.organization.into()], |cells| cells.id()).await?;
    Ok(failing.into_iter().collect())
}

async fn is_held(session: &Session, request: &Round) -> Result<bool, StoreError> {
    let values = [Value::text(Lease::Distributor.name()), Value::text(&request.holder), request.now.into()];
    session.fetch_one(&HELD, &values, |cells| cells.int()).await.map(|row| row.is_some())
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

/// Inserts the deliveries that do not exist. Returns the indexes of those that do.
async fn insert_missing(
    session: &Session,
    deliveries: &[Stored<WebhookDelivery>],
) -> Result<HashSet<usize>, StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let existing = session.store_some(&Statements::of(Kind::WebhookDelivery).insert, &rows).await?;
    Ok(existing.into_iter().collect())
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

fn arrival(delivery: &Stored<WebhookDelivery>) -> Option<(Partition, Timestamp)> {
    let partition = Partition { organization: delivery.meta.organization, subscription: delivery.record.subscription };
    Some((partition, delivery.record.next_attempt_at?))
}
