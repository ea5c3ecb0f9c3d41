//! What came of attempts, of many lanes at once.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use kernel::{Id, OrganizationId, StoreError, Stored, Timestamp};
use webhooks::{Lane, LaneSigns, Settlement, Undone, WebhookDelivery, WebhookSubscription};

use super::lanes;
use crate::{
    engine::{Bulk, Column, Session, Value, both},
    presence::Check,
    resources::attempts_text,
    table::{ENVELOPE, Table},
};

/// What an attempt changes of a delivery.
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
    Bulk::update(WebhookDelivery::NAME, &columns, WebhookDelivery::WITHIN.map(|within| within.column), None)
});

/// What came of attempts on one lane.
pub(super) struct Settling {
    pub(super) lane: Lane,
    pub(super) settlements: Vec<Settlement>,
    pub(super) signs: Option<LaneSigns>,
    /// The moment of these changes.
    pub(super) at: Timestamp,
    /// Whether others still wait for that moment.
    pub(super) check: Check,
}

/// Says of each which deliveries were changed meanwhile and so are not stored.
pub(super) fn settle<'s>(
    settling: &'s [Settling],
    session: &'s Session,
) -> BoxFuture<'s, Result<Vec<Vec<Undone>>, StoreError>> {
    Box::pin(async move {
        let mut undone: Vec<Vec<Undone>> = vec![Vec::new(); settling.len()];
        let mut known = HashSet::new();
        let mut changes: Vec<(usize, Timestamp, &Settlement)> = Vec::new();
        for (place, one) in settling.iter().enumerate() {
            for settlement in &one.settlements {
                // Who lost a lane may settle what another has sent again meanwhile: whoever comes second is too late.
                if known.insert(settlement.before.meta.id) {
                    changes.push((place, one.at, settlement));
                } else {
                    undone[place].push(settlement.before.meta.id);
                }
            }
        }
        changes.sort_unstable_by_key(|(_, _, settlement)| place(settlement));
        let rows: Vec<_> = changes.iter().map(|(_, at, settlement)| row(settlement, *at)).collect();
        let signs: BTreeMap<Lane, LaneSigns> = settling.iter().filter_map(|one| Some((one.lane, one.signs?))).collect();
        let stored = both(session.store_some(&SETTLE, &rows), lanes::sign(session, &signs));
        let ((), (left_out, ())) = both(hold(settling, session), stored).await?;
        for (place, _, settlement) in left_out.into_iter().filter_map(|place| changes.get(place)) {
            undone[*place].push(settlement.before.meta.id);
        }
        Ok(undone)
    })
}

/// Where it lies in the key: what is of one subscription is written together, and no two transactions that take several
/// wait for each other in a circle.
fn place(settlement: &Settlement) -> (OrganizationId, Id<WebhookSubscription>, Id<WebhookDelivery>) {
    let Stored { meta, record } = &settlement.before;
    (meta.organization, record.subscription, meta.id)
}

async fn hold(settling: &[Settling], session: &Session) -> Result<(), StoreError> {
    match (settling.last(), settling.iter().map(|one| one.at).min()) {
        (Some(last), Some(earliest)) => last.check.hold(session, earliest).await,
        _ => Ok(()),
    }
}

fn row(settlement: &Settlement, at: Timestamp) -> Vec<Value<'_>> {
    let (meta, delivery) = (&settlement.after.meta, &settlement.after.record);
    vec![
        meta.organization.into(),
        meta.id.into(),
        settlement.before.meta.revision.into(),
        settlement.before.record.subscription.into(),
        meta.revision.into(),
        at.max(meta.updated_at).into(),
        Value::text(delivery.state.name()),
        Value::Int(delivery.failed.into()),
        Value::opt(delivery.next_attempt_at),
        Value::from(attempts_text(&delivery.attempts)),
    ]
}
