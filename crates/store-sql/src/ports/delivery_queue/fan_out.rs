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
use kernel::{Id, OrganizationId, StoreError, Stored, Timestamp, WriteTimestamp};
use webhooks::{
    FanOut, FanOutPhase, Partition, SubscriptionStatus, WebhookDelivery, WebhookSubscription, deliveries_for,
};

use super::{
    events::{self, PendingEvent},
    partitions, queued,
};
use crate::{
    engine::{Session, Sql, Value, column_list, pipeline, pipeline2},
    records::table::{self, META_COLUMNS, Table},
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

static HEALTHY: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(&format!(
        "SELECT subscription_id FROM webhook_lanes WHERE organization_id = ? AND {}",
        partitions::IS_HEALTHY
    ))
});

/// Fans out events in the transaction of the session.
pub(super) async fn fan_out(session: &Session, request: &FanOutRequest) -> Result<FanOut, StoreError> {
    let pending = events::pending(session, request.organization, request.limit);
    let reads = pipeline2(pending, pipeline2(subscriptions(session, request.organization), healthy(session, request)));
    // The lease comes first: reads after it is locked see everything that its previous owner stored.
    let (owns_lease, (events, (subscriptions, healthy))) = pipeline2(owns_lease(session, request), reads).await?;
    if !owns_lease || events.is_empty() {
        return Ok(FanOut::default());
    }
    let at = request.timestamp.at();
    let all = events
        .iter()
        .flat_map(|pending| deliveries_for(&pending.event, &subscriptions, request.now))
        .map(|delivery| with_updated_at(delivery, at));
    let is_healthy = |delivery: &Stored<WebhookDelivery>| healthy.contains(&delivery.record.subscription);
    let (first, others): (Vec<_>, Vec<_>) = all.partition(is_healthy);
    let remaining = request.phase == FanOutPhase::Healthy && !first.is_empty() && !others.is_empty();
    let deliveries = if remaining { first } else { [first, others].concat() };
    let result = FanOut { events: events.len(), deliveries: deliveries.len(), remaining };
    let may_exist = request.attempted.swap(true, Ordering::Relaxed) || events.iter().any(|pending| pending.attempted);
    let keys = || events.iter().map(PendingEvent::key);
    let mark = async || {
        if remaining {
            events::mark_attempted(session, keys()).await
        } else {
            events::remove_pending(session, keys()).await
        }
    };
    if may_exist {
        // An existing delivery of the event is the same one, and its partition was marked due when it was stored.
        let insert = queued::insert_missing(session, &deliveries);
        let ((), existing) = pipeline2(request.check.lock(session, at), insert).await?;
        let inserted = deliveries.iter().enumerate().filter(|(index, _)| !existing.contains(index));
        let due = inserted.filter_map(|(_, delivery)| due_partition(delivery));
        pipeline2(mark(), partitions::mark_due(session, due)).await?;
    } else {
        pipeline(vec![
            Box::pin(request.check.lock(session, at)),
            Box::pin(queued::insert(session, &deliveries)),
            Box::pin(mark()),
            Box::pin(partitions::mark_due(session, deliveries.iter().filter_map(due_partition))),
        ])
        .await?;
    }
    Ok(result)
}

/// The subscriptions whose endpoints are healthy. Empty in the phase that does not distinguish them.
async fn healthy(session: &Session, request: &FanOutRequest) -> Result<HashSet<Id<WebhookSubscription>>, StoreError> {
    if request.phase == FanOutPhase::Remaining {
        return Ok(HashSet::new());
    }
    let healthy = session.fetch(&HEALTHY, &[request.organization.into()], |cells| cells.id()).await?;
    Ok(healthy.into_iter().collect())
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

fn with_updated_at(mut delivery: Stored<WebhookDelivery>, at: Timestamp) -> Stored<WebhookDelivery> {
    delivery.meta.updated_at = at.max(delivery.meta.updated_at);
    delivery
}

fn due_partition(delivery: &Stored<WebhookDelivery>) -> Option<(Partition, Timestamp)> {
    let partition = Partition { organization: delivery.meta.organization, subscription: delivery.record.subscription };
    Some((partition, delivery.record.next_attempt_at?))
}
