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

use super::{events, partitions};
use crate::{
    engine::{BatchStatement, Session, Sql, Value, column_list, pipeline, pipeline2},
    records::{
        Statements,
        table::{self, META_COLUMNS, Table},
    },
    writer_registry::RegistrationCheck,
};

/// The arguments of one fan-out.
pub(super) struct FanOutRequest {
    pub(super) organization: OrganizationId,
    pub(super) owner: String,
    pub(super) now: Timestamp,
    pub(super) limit: usize,
    pub(super) phase: FanOutPhase,
    /// The timestamp of the deliveries' last change. They become visible later than their events.
    pub(super) timestamp: WriteTimestamp,
    pub(super) check: RegistrationCheck,
    /// Whether some of the deliveries may be stored already.
    pub(super) attempted: AtomicBool,
}

/// Inserts deliveries that are probably new. Checking each for a conflict first would cost PostgreSQL as much as an
/// index.
static INSERT_NEW: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::insert_optimistic(WebhookDelivery::NAME, &[&META_COLUMNS, WebhookDelivery::COLUMNS].concat())
});

static OWNS_LEASE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT CAST(1 AS bigint) FROM leases WHERE name = ? AND holder = ? AND expires_at > ?")
        .with_share_lock()
});
static SUBSCRIPTIONS: LazyLock<Sql> = LazyLock::new(|| {
    let columns = META_COLUMNS.iter().chain(WebhookSubscription::COLUMNS).map(|column| column.name);
    Sql::from_text(&format!(
        "SELECT {} FROM {} WHERE organization_id = ? AND status = ?",
        column_list("", columns),
        WebhookSubscription::NAME
    ))
});

static FAILING: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT subscription_id FROM webhook_lanes WHERE organization_id = ? AND failing_since IS NOT NULL")
});

/// Fans out events in the transaction of the session.
pub(super) async fn fan_out(session: &Session, request: &FanOutRequest) -> Result<FanOut, StoreError> {
    let pending = events::pending(session, request.organization, request.limit);
    let reads = pipeline2(pending, pipeline2(subscriptions(session, request.organization), failing(session, request)));
    // The lease comes first: reads after it is locked see everything that its previous owner stored.
    let (owns_lease, (events, (subscriptions, failing))) = pipeline2(owns_lease(session, request), reads).await?;
    if !owns_lease || events.is_empty() {
        return Ok(FanOut::default());
    }
    let at = request.timestamp.at();
    let all = events
        .iter()
        .flat_map(|event| deliveries_for(event, &subscriptions, request.now))
        .map(|delivery| with_updated_at(delivery, at));
    let is_healthy = |delivery: &Stored<WebhookDelivery>| !failing.contains(&delivery.record.subscription);
    let (healthy, unhealthy): (Vec<_>, Vec<_>) = all.partition(is_healthy);
    let remaining = request.phase == FanOutPhase::Healthy && !healthy.is_empty() && !unhealthy.is_empty();
    let deliveries = if remaining { healthy } else { [healthy, unhealthy].concat() };
    let result = FanOut { events: events.len(), deliveries: deliveries.len(), remaining };
    let finished = if remaining { &[][..] } else { &events };
    if request.attempted.swap(true, Ordering::Relaxed) {
        // An existing delivery is identical, and its partition was marked due when it was stored.
        let ((), existing) = pipeline2(request.check.lock(session, at), insert_missing(session, &deliveries)).await?;
        let inserted = deliveries.iter().enumerate().filter(|(index, _)| !existing.contains(index));
        let due = inserted.filter_map(|(_, delivery)| due_partition(delivery));
        pipeline2(
            events::mark_distributed(session, request.organization, finished),
            partitions::mark_due(session, due),
        )
        .await?;
    } else {
        pipeline(vec![
            Box::pin(request.check.lock(session, at)),
            Box::pin(insert(session, &deliveries)),
            Box::pin(events::mark_distributed(session, request.organization, finished)),
            Box::pin(partitions::mark_due(session, deliveries.iter().filter_map(due_partition))),
        ])
        .await?;
    }
    Ok(result)
}

/// The subscriptions whose endpoints are failing. Empty in the phase that does not distinguish them.
async fn failing(session: &Session, request: &FanOutRequest) -> Result<HashSet<Id<WebhookSubscription>>, StoreError> {
    if request.phase == FanOutPhase::Remaining {
        return Ok(HashSet::new());
    }
    let failing = session.fetch(&FAILING, &[request.organization.into()], |cells| cells.id()).await?;
    Ok(failing.into_iter().collect())
}

async fn owns_lease(session: &Session, request: &FanOutRequest) -> Result<bool, StoreError> {
    let values = [Value::Text(Lease::Distributor.name()), Value::text(&request.owner), request.now.into()];
    session.fetch_one(&OWNS_LEASE, &values, |cells| cells.int()).await.map(|row| row.is_some())
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
    session.execute_each(&INSERT_NEW, &rows).await.map(drop)
}

/// Inserts the deliveries that do not exist. Returns the indexes of those that do.
async fn insert_missing(
    session: &Session,
    deliveries: &[Stored<WebhookDelivery>],
) -> Result<HashSet<usize>, StoreError> {
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    let existing = session.store_reporting_rejected(&Statements::for_kind(Kind::WebhookDelivery).insert, &rows).await?;
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

fn with_updated_at(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}

fn due_partition(delivery: &Stored<WebhookDelivery>) -> Option<(Partition, Timestamp)> {
    let partition = Partition { organization: delivery.meta.organization, subscription: delivery.record.subscription };
    Some((partition, delivery.record.next_attempt_at?))
}
