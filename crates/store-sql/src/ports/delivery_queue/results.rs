//! Recording the results of delivery attempts, for many partitions at once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::future::BoxFuture;
use kernel::{StoreError, Timestamp};
use webhooks::{DeliveryHealth, DeliveryUpdate, Partition, StaleDelivery, WebhookDelivery};

use super::{
    partitions,
    queued::{self, DeliveryKey},
};
use crate::{
    engine::{BatchStatement, Column, Session, Value, pipeline2},
    records::{
        attempts_text,
        table::{META_COLUMNS, Table},
    },
    writer_registry::RegistrationCheck,
};

/// Updates the columns of a changed delivery that a further attempt changes.
pub(super) static RECORD: LazyLock<BatchStatement> = LazyLock::new(|| {
    let columns = [
        META_COLUMNS[0],
        META_COLUMNS[1],
        Column::int("expected"),
        Column::text("subscription_id"),
        Column::int("revision"),
        Column::int("updated_at"),
        Column::text("state"),
        Column::int("failed"),
        Column::int("next_attempt_at"),
        Column::text("attempts"),
    ];
    BatchStatement::update(WebhookDelivery::NAME, &columns, WebhookDelivery::PARENT.map(|parent| parent.column), None)
});

/// A request to record the results of attempts in one partition.
pub(super) struct RecordRequest {
    pub(super) partition: Partition,
    pub(super) updates: Vec<DeliveryUpdate>,
    pub(super) health: Option<DeliveryHealth>,
    /// The timestamp of these changes.
    pub(super) at: Timestamp,
    /// The check that other processes still respect that timestamp.
    pub(super) check: RegistrationCheck,
    /// Whether the transaction was run before and failed.
    pub(super) attempted: AtomicBool,
}

/// The new state of a delivery: the index of its request, the time of the change, and the change.
type Change<'r> = (usize, Timestamp, &'r DeliveryUpdate);

/// Records results. Returns for each request the deliveries that were changed concurrently and are therefore not
/// stored.
pub(super) fn record<'s>(
    requests: &'s [RecordRequest],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<Vec<StaleDelivery>>, StoreError>> {
    Box::pin(async move {
        let mut stale: Vec<Vec<StaleDelivery>> = vec![Vec::new(); requests.len()];
        let mut seen = HashSet::new();
        let mut changes: Vec<Change<'_>> = Vec::new();
        for (index, request) in requests.iter().enumerate() {
            for update in &request.updates {
                // A worker that lost a partition may record a delivery that another has sent again: the second one is
                // stale.
                if seen.insert(update.before.meta.id) {
                    changes.push((index, request.at, update));
                } else {
                    stale[index].push(update.before.meta.id);
                }
            }
        }
        changes.sort_unstable_by_key(|(_, _, update)| sort_key(update));
        let health: BTreeMap<Partition, DeliveryHealth> =
            requests.iter().filter_map(|request| Some((request.partition, request.health?))).collect();
        let queued = changes.iter().filter(|(_, _, update)| WebhookDelivery::is_unchanged(&update.before));
        let ((), taken) = pipeline2(
            lock_registration(requests, session),
            queued::take(session, queued.map(|(_, _, update)| sort_key(update))),
        )
        .await?;
        // An unchanged delivery that is not in the queue was changed concurrently, or a commit has created it.
        let (first, further): (Vec<Change<'_>>, Vec<Change<'_>>) =
            changes.into_iter().partition(|(_, _, update)| taken.contains(&sort_key(update)));
        let attempted = requests.iter().fold(false, |any, one| any | one.attempted.swap(true, Ordering::Relaxed));
        let rows: Vec<_> = further.iter().map(|(_, at, update)| row(update, *at)).collect();
        let writes =
            pipeline2(session.store_reporting_rejected(&RECORD, &rows), partitions::store_health(session, &health));
        let (existing, (rejected, ())) = pipeline2(store_first(session, &first, attempted), writes).await?;
        let existing = existing.into_iter().filter_map(|row| first.get(row));
        let rejected = rejected.into_iter().filter_map(|row| further.get(row));
        for (index, _, update) in existing.chain(rejected) {
            stale[*index].push(update.before.meta.id);
        }
        Ok(stale)
    })
}

/// Stores the first changes of deliveries that were taken from the queue. Returns the indexes of those that exist, which
/// only a damaged database has.
async fn store_first(session: &Session, changes: &[Change<'_>], may_exist: bool) -> Result<Vec<usize>, StoreError> {
    let deliveries = changes.iter().map(|(_, at, update)| (&update.after, *at));
    if may_exist {
        queued::insert_changed_reporting_existing(session, deliveries).await
    } else {
        queued::insert_changed(session, deliveries).await.map(|()| Vec::new())
    }
}

/// The order in which deliveries are locked: by primary key, so that those of one subscription are written together and
/// no two transactions deadlock.
fn sort_key(update: &DeliveryUpdate) -> DeliveryKey {
    queued::key(&update.before)
}

async fn lock_registration(requests: &[RecordRequest], session: &Session) -> Result<(), StoreError> {
    match (requests.last(), requests.iter().map(|request| request.at).min()) {
        (Some(last), Some(earliest)) => last.check.lock(session, earliest).await,
        _ => Ok(()),
    }
}

fn row(update: &DeliveryUpdate, at: Timestamp) -> Vec<Value<'_>> {
    let (meta, delivery) = (&update.after.meta, &update.after.record);
    vec![
        meta.organization.into(),
        meta.id.into(),
        update.before.meta.revision.into(),
        update.before.record.subscription.into(),
        meta.revision.into(),
        at.max(meta.updated_at).into(),
        Value::text(delivery.state.name()),
        Value::Int(delivery.consecutive_failures.into()),
        Value::opt(delivery.next_attempt_at),
        Value::from(attempts_text(&delivery.attempts)),
    ]
}
