//! The leases of partitions. Several are acquired or released at a time, in sort order, so that no two transactions
//! deadlock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use kernel::{StoreError, Timestamp};
use webhooks::{Partition, PartitionLease};

use super::partitions::{self, key_values, read_health, read_partition};
use crate::{
    engine::{BatchStatement, Column, RowReader, Session, Sql, Value, names_organizations},
    schema::tables::WEBHOOK_LANES,
};

pub(super) static ACQUIRE: LazyLock<BatchStatement> = LazyLock::new(|| {
    let [organization, subscription, _, _, holder, held_until, ..] = WEBHOOK_LANES.columns;
    let found = "organization_id, subscription_id, last_delivery_at, failing_since";
    BatchStatement::for_each(
        &[organization, subscription, holder, held_until, Column::int("now")],
        &format!(
            "UPDATE webhook_lanes SET holder = ?3, held_until = ?4, arrived = 0 \
             WHERE organization_id = ?1 AND subscription_id = ?2 AND due_at <= ?5 \
             AND (holder IS NULL OR held_until <= ?5) RETURNING {found}"
        ),
        &format!(
            "UPDATE webhook_lanes AS l SET holder = v.holder, held_until = v.held_until, arrived = 0 FROM {{rows}} \
             WHERE l.organization_id = v.organization_id AND l.subscription_id = v.subscription_id AND l.due_at <= v.now \
             AND (l.holder IS NULL OR l.held_until <= v.now) AND {} RETURNING l.{}",
            names_organizations("l.", 1),
            found.replace(", ", ", l.")
        ),
    )
});
/// Releases a partition. One that has due deliveries, or was marked due since it was acquired, stays with its owner, so
/// that no other process sees it as free in between.
pub(super) static RELEASE: LazyLock<Sql> = LazyLock::new(|| {
    let stays = "webhook_lanes.arrived > 0 OR (?5 = 0 AND n.next_attempt_at <= ?4)";
    Sql::from_numbered_text(&format!(
        "UPDATE webhook_lanes SET holder = CASE WHEN {stays} THEN webhook_lanes.holder END, \
         held_until = CASE WHEN {stays} THEN webhook_lanes.held_until END, \
         due_at = CASE WHEN {stays} THEN webhook_lanes.due_at WHEN ?5 = 0 THEN n.next_attempt_at END, arrived = 0 \
         FROM (SELECT {next} AS next_attempt_at) AS n \
         WHERE organization_id = ?1 AND subscription_id = ?2 AND holder = ?3 \
         RETURNING organization_id, subscription_id, holder",
        next = partitions::next_attempt("?1", "?2"),
    ))
});

/// A request to acquire partitions.
pub(super) struct AcquireRequest {
    pub(super) partitions: Vec<Partition>,
    pub(super) owner: String,
    pub(super) now: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// A request to release a partition.
pub(super) struct ReleaseRequest {
    pub(super) partition: Partition,
    pub(super) owner: String,
    pub(super) now: Timestamp,
    pub(super) suspended: bool,
}

pub(super) async fn acquire(session: &Session, request: &AcquireRequest) -> Result<Vec<PartitionLease>, StoreError> {
    let AcquireRequest { partitions, owner, now, expires_at } = request;
    let partitions: BTreeSet<Partition> = partitions.iter().copied().collect();
    let row = |partition: Partition| {
        let [organization, subscription] = key_values(partition);
        vec![organization, subscription, Value::text(owner), (*expires_at).into(), (*now).into()]
    };
    let rows: Vec<Vec<Value<'_>>> = partitions.into_iter().map(row).collect();
    let read = |cells: &mut RowReader<'_>| {
        Ok(PartitionLease { partition: read_partition(cells)?, health: read_health(cells)? })
    };
    session.fetch_each(&ACQUIRE, &rows, read).await
}

/// Releases partitions. Returns for each whether it was released, or was lost before.
pub(super) fn release<'s>(
    requests: &'s [ReleaseRequest],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<bool>, StoreError>> {
    Box::pin(async move {
        // If several owners release one partition, all but one have lost it.
        let ordered: BTreeMap<(Partition, &str), &ReleaseRequest> =
            requests.iter().map(|request| ((request.partition, request.owner.as_str()), request)).collect();
        let row = |((partition, owner), request): (&(Partition, &'s str), &&ReleaseRequest)| {
            let [organization, subscription] = key_values(*partition);
            vec![
                organization,
                subscription,
                Value::text(*owner),
                request.now.into(),
                i64::from(request.suspended).into(),
            ]
        };
        let rows: Vec<Vec<Value<'_>>> = ordered.iter().map(row).collect();
        let read = |cells: &mut RowReader<'_>| Ok((read_partition(cells)?, cells.opt_text()?.map(str::to_owned)));
        let updated = session.fetch_pipelined(&RELEASE, &rows, read).await?;
        let still_owned: BTreeSet<(Partition, &str)> =
            updated.iter().filter_map(|(partition, owner)| Some((*partition, owner.as_deref()?))).collect();
        Ok(requests.iter().map(|request| !still_owned.contains(&(request.partition, request.owner.as_str()))).collect())
    })
}
