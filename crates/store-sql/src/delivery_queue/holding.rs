//! The leases of partitions. Several are acquired or released at a time, in sort order, so that no two transactions
//! deadlock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use kernel::{StoreError, Timestamp};
use webhooks::{Partition, PartitionLease};

use super::lanes::{COLUMNS, named, read_signs};
use crate::engine::{Bulk, Cells, Column, Session, Value};

pub(super) static CLAIM: LazyLock<Bulk> = LazyLock::new(|| {
    let [organization, subscription, _, _, holder, held_until, ..] = COLUMNS;
    let found = "organization_id, subscription_id, last_delivery_at, failing_since";
    Bulk::each(
        &[organization, subscription, holder, held_until, Column::int("now")],
        &format!(
            "UPDATE webhook_lanes SET holder = ?3, held_until = ?4, arrived = 0 \
             WHERE organization_id = ?1 AND subscription_id = ?2 AND due_at <= ?5 \
             AND (holder IS NULL OR held_until <= ?5) RETURNING {found}"
        ),
        &format!(
            "UPDATE webhook_lanes AS l SET holder = v.holder, held_until = v.held_until, arrived = 0 FROM {{rows}} \
             WHERE l.organization_id = v.organization_id AND l.subscription_id = v.subscription_id AND l.due_at <= v.now \
             AND (l.holder IS NULL OR l.held_until <= v.now) RETURNING l.{}",
            found.replace(", ", ", l.")
        ),
    )
});
/// Releases partitions. A partition that has due deliveries, or was marked due since it was acquired, stays with its
/// owner, so that no other process sees it as free in between.
pub(super) static GIVE_UP: LazyLock<Bulk> = LazyLock::new(|| {
    let [organization, subscription, _, _, holder, ..] = COLUMNS;
    let first = |organization: &str, subscription: &str| {
        format!(
            "SELECT d.next_attempt_at FROM webhook_deliveries AS d WHERE d.organization_id = {organization} \
             AND d.subscription_id = {subscription} AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at LIMIT 1"
        )
    };
    let set = |row: &str, now: &str, suspended: &str| {
        let stays = format!("{row}.arrived > 0 OR ({suspended} = 0 AND n.next_attempt_at <= {now})");
        format!(
            "holder = CASE WHEN {stays} THEN {row}.holder END, \
             held_until = CASE WHEN {stays} THEN {row}.held_until END, \
             due_at = CASE WHEN {stays} THEN {row}.due_at WHEN {suspended} = 0 THEN n.next_attempt_at END, arrived = 0"
        )
    };
    Bulk::each(
        &[organization, subscription, holder, Column::int("now"), Column::int("parked")],
        &format!(
            "UPDATE webhook_lanes SET {} FROM (SELECT ({}) AS next_attempt_at) AS n \
             WHERE organization_id = ?1 AND subscription_id = ?2 AND holder = ?3 \
             RETURNING organization_id, subscription_id, holder",
            set("webhook_lanes", "?4", "?5"),
            first("?1", "?2"),
        ),
        &format!(
            "UPDATE webhook_lanes AS l SET {} FROM {{rows}} LEFT JOIN LATERAL ({}) AS n ON true \
             WHERE l.organization_id = v.organization_id AND l.subscription_id = v.subscription_id AND l.holder = v.holder \
             RETURNING l.organization_id, l.subscription_id, l.holder",
            set("l", "v.now", "v.parked"),
            first("v.organization_id", "v.subscription_id"),
        ),
    )
});

/// A request to acquire partitions.
pub(super) struct Claiming {
    pub(super) lanes: Vec<Partition>,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

/// A request to release a partition.
pub(super) struct Leaving {
    pub(super) lane: Partition,
    pub(super) owner: String,
    pub(super) now: Timestamp,
    pub(super) parked: bool,
}

pub(super) async fn claim(session: &Session, request: &Claiming) -> Result<Vec<PartitionLease>, StoreError> {
    let Claiming { lanes: partitions, holder: owner, now, until } = request;
    let partitions: BTreeSet<Partition> = partitions.iter().copied().collect();
    let row = |partition: Partition| {
        let [organization, subscription] = named(partition);
        vec![organization, subscription, Value::text(owner), (*until).into(), (*now).into()]
    };
    let rows: Vec<Vec<Value<'_>>> = partitions.into_iter().map(row).collect();
    let read = |cells: &mut Cells<'_>| Ok(PartitionLease { partition: read_lane(cells)?, health: read_signs(cells)? });
    session.fetch_each(&CLAIM, &rows, read).await
}

/// Releases partitions. Returns for each whether it was released, or was lost before.
pub(super) fn give_up<'s>(
    requests: &'s [Leaving],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<bool>, StoreError>> {
    Box::pin(async move {
        // If several owners release one partition, all but one have lost it.
        let ordered: BTreeMap<(Partition, &str), &Leaving> =
            requests.iter().map(|request| ((request.lane, request.owner.as_str()), request)).collect();
        let row = |((partition, owner), request): (&(Partition, &'s str), &&Leaving)| {
            let [organization, subscription] = named(*partition);
            vec![organization, subscription, Value::text(*owner), request.now.into(), i64::from(request.parked).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = ordered.iter().map(row).collect();
        let read = |cells: &mut Cells<'_>| Ok((read_lane(cells)?, cells.opt_text()?.map(str::to_owned)));
        let updated = session.fetch_each(&GIVE_UP, &rows, read).await?;
        let still_owned: BTreeSet<(Partition, &str)> =
            updated.iter().filter_map(|(partition, owner)| Some((*partition, owner.as_deref()?))).collect();
        Ok(requests.iter().map(|request| !still_owned.contains(&(request.lane, request.owner.as_str()))).collect())
    })
}

fn read_lane(cells: &mut Cells<'_>) -> Result<Partition, StoreError> {
    Ok(Partition { organization: cells.id()?, subscription: cells.id()? })
}
