//! Taking lanes and giving them up, each many at a time and in their order: so no two wait for each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use kernel::{StoreError, Timestamp};
use webhooks::{Claim, Lane};

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
/// One that something is due on, or came in to, stays with its holder: then the others are none the wiser that it was
/// looked at.
pub(super) static GIVE_UP: LazyLock<Bulk> = LazyLock::new(|| {
    let [organization, subscription, _, _, holder, ..] = COLUMNS;
    let first = |organization: &str, subscription: &str| {
        format!(
            "SELECT d.next_attempt_at FROM webhook_deliveries AS d WHERE d.organization_id = {organization} \
             AND d.subscription_id = {subscription} AND d.next_attempt_at IS NOT NULL ORDER BY d.next_attempt_at LIMIT 1"
        )
    };
    let set = |lane: &str, now: &str, parked: &str| {
        let stays = format!("{lane}.arrived > 0 OR ({parked} = 0 AND n.next_attempt_at <= {now})");
        format!(
            "holder = CASE WHEN {stays} THEN {lane}.holder END, \
             held_until = CASE WHEN {stays} THEN {lane}.held_until END, \
             due_at = CASE WHEN {stays} THEN {lane}.due_at WHEN {parked} = 0 THEN n.next_attempt_at END, arrived = 0"
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

/// Lanes that somebody would have.
pub(super) struct Claiming {
    pub(super) lanes: Vec<Lane>,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
}

/// A lane that its holder means to give up.
pub(super) struct Leaving {
    pub(super) lane: Lane,
    pub(super) holder: String,
    pub(super) now: Timestamp,
    pub(super) parked: bool,
}

pub(super) async fn claim(session: &Session, claiming: &Claiming) -> Result<Vec<Claim>, StoreError> {
    let Claiming { lanes, holder, now, until } = claiming;
    let lanes: BTreeSet<Lane> = lanes.iter().copied().collect();
    let row = |lane: Lane| {
        let [organization, subscription] = named(lane);
        vec![organization, subscription, Value::text(holder), (*until).into(), (*now).into()]
    };
    let rows: Vec<Vec<Value<'_>>> = lanes.into_iter().map(row).collect();
    let read = |cells: &mut Cells<'_>| Ok(Claim { lane: read_lane(cells)?, signs: read_signs(cells)? });
    session.fetch_each(&CLAIM, &rows, read).await
}

/// Says of each whether it is given up, or was lost before.
pub(super) fn give_up<'s>(
    leaving: &'s [Leaving],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<bool>, StoreError>> {
    Box::pin(async move {
        // Of several holders of one lane all but one have lost it.
        let ordered: BTreeMap<(Lane, &str), &Leaving> =
            leaving.iter().map(|one| ((one.lane, one.holder.as_str()), one)).collect();
        let row = |((lane, holder), leaving): (&(Lane, &'s str), &&Leaving)| {
            let [organization, subscription] = named(*lane);
            vec![organization, subscription, Value::text(*holder), leaving.now.into(), i64::from(leaving.parked).into()]
        };
        let rows: Vec<Vec<Value<'_>>> = ordered.iter().map(row).collect();
        let read = |cells: &mut Cells<'_>| Ok((read_lane(cells)?, cells.opt_text()?.map(str::to_owned)));
        let looked_at = session.fetch_each(&GIVE_UP, &rows, read).await?;
        let kept: BTreeSet<(Lane, &str)> =
            looked_at.iter().filter_map(|(lane, holder)| Some((*lane, holder.as_deref()?))).collect();
        Ok(leaving.iter().map(|one| !kept.contains(&(one.lane, one.holder.as_str()))).collect())
    })
}

fn read_lane(cells: &mut Cells<'_>) -> Result<Lane, StoreError> {
    Ok(Lane { organization: cells.id()?, subscription: cells.id()? })
}
