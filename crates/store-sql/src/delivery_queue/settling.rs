//! Recording the results of delivery attempts, for many partitions at once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use kernel::{Id, OrganizationId, StoreError, Stored, Timestamp};
use webhooks::{DeliveryHealth, DeliveryUpdate, Partition, StaleDelivery, WebhookDelivery, WebhookSubscription};

use super::lanes;
use crate::{
    engine::{Bulk, Column, Session, Value, both},
    presence::Check,
    resources::attempts_text,
    table::{ENVELOPE, Table},
};

/// Updates the columns of a delivery that an attempt changes.
pub(super) static SETTLE: LazyLock<Bulk> = LazyLock::new(|| {
    let columns = [
        ENVELOPE[0],
        ENVELOPE[1],
        Column::int("expected"),
        Column::text("subscription_id"),
        Column::int("revision"),
        Column::int("updated_at"),
        Column::text("state"),
        Column::int("failed"),
        Column::int("next_attempt_at"),
        Column::text("attempts"),
    ];
    Bulk::update(WebhookDelivery::NAME, &columns, WebhookDelivery::WITHIN.map(|parent| parent.column), None)
});

/// A request to record the results of attempts in one partition.
pub(super) struct Settling {
    pub(super) lane: Partition,
    pub(super) settlements: Vec<DeliveryUpdate>,
    pub(super) signs: Option<DeliveryHealth>,
    /// The timestamp of these changes.
    pub(super) at: Timestamp,
    /// The check that other processes still respect that timestamp.
    pub(super) check: Check,
}

/// Records results. Returns for each request the deliveries that were changed concurrently and are therefore not
/// stored.
pub(super) fn settle<'s>(
    requests: &'s [Settling],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<Vec<StaleDelivery>>, StoreError>> {
    Box::pin(async move {
        let mut stale: Vec<Vec<StaleDelivery>> = vec![Vec::new(); requests.len()];
        let mut seen = HashSet::new();
        let mut changes: Vec<(usize, Timestamp, &DeliveryUpdate)> = Vec::new();
        for (index, request) in requests.iter().enumerate() {
            for result in &request.settlements {
                // A worker that lost a partition may record a delivery that another has sent again: the second one is
                // stale.
                if seen.insert(result.before.meta.id) {
                    changes.push((index, request.at, result));
                } else {
                    stale[index].push(result.before.meta.id);
                }
            }
        }
        changes.sort_unstable_by_key(|(_, _, result)| place(result));
        let rows: Vec<_> = changes.iter().map(|(_, at, result)| row(result, *at)).collect();
        let health: BTreeMap<Partition, DeliveryHealth> =
            requests.iter().filter_map(|request| Some((request.lane, request.signs?))).collect();
        let writes = both(session.store_some(&SETTLE, &rows), lanes::sign(session, &health));
        let ((), (rejected, ())) = both(hold(requests, session), writes).await?;
        for (index, _, result) in rejected.into_iter().filter_map(|row| changes.get(row)) {
            stale[*index].push(result.before.meta.id);
        }
        Ok(stale)
    })
}

/// The order in which deliveries are locked: by primary key, so that those of one subscription are written together and
/// no two transactions deadlock.
fn place(result: &DeliveryUpdate) -> (OrganizationId, Id<WebhookSubscription>, Id<WebhookDelivery>) {
    let Stored { meta, record } = &result.before;
    (meta.organization, record.subscription, meta.id)
}

async fn hold(requests: &[Settling], session: &Session) -> Result<(), StoreError> {
    match (requests.last(), requests.iter().map(|request| request.at).min()) {
        (Some(last), Some(earliest)) => last.check.hold(session, earliest).await,
        _ => Ok(()),
    }
}

fn row(result: &DeliveryUpdate, at: Timestamp) -> Vec<Value<'_>> {
    let (meta, delivery) = (&result.after.meta, &result.after.record);
    vec![
        meta.organization.into(),
        meta.id.into(),
        result.before.meta.revision.into(),
        result.before.record.subscription.into(),
        meta.revision.into(),
        at.max(meta.updated_at).into(),
        Value::text(delivery.state.name()),
        Value::Int(delivery.consecutive_failures.into()),
        Value::opt(delivery.next_attempt_at),
        Value::from(attempts_text(&delivery.attempts)),
    ]
}
