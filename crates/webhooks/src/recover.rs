//! Sending again what did not arrive.

use kernel::{Action, Changeset, Stamp, Stored, Subject, Timestamp};

use crate::{
    delivery::{DeliveryState, WebhookDelivery},
    manage::Desk,
    ports::StoredEvent,
    refusal::Refusal,
    subscription::WebhookSubscription,
};

const REDELIVERED: Action = Action::new("webhook_delivery.redelivered");
const RECOVERED: Action = Action::new("webhook_subscription.recovered");

/// How many deliveries one call sends again at most.
pub const MOST_RECOVERED: usize = 1_000;

/// The events that are meant: from `since` on and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub since: Timestamp,
    /// The first moment after.
    pub until: Timestamp,
}

/// An event that never became a delivery of the subscription, because it was disabled.
pub type Missed = StoredEvent;

/// What was sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Deliveries that had failed.
    pub redelivered: usize,
    /// Events that fell while the subscription was disabled.
    pub missed: usize,
}

/// Sends one delivery again, whatever came of it before.
///
/// # Errors
/// [`Refusal::UnderWay`] for one that waits for an attempt anyway and at once, [`Refusal::Disabled`].
pub fn redeliver(
    desk: &Desk<'_>,
    stamp: Stamp,
    subscription: &Stored<WebhookSubscription>,
    present: &Stored<WebhookDelivery>,
) -> Result<(Changeset, Stored<WebhookDelivery>), Refusal> {
    if !subscription.record.is_active() {
        return Err(Refusal::Disabled);
    }
    if present.record.state == DeliveryState::Pending {
        return Err(Refusal::UnderWay);
    }
    let mut changeset = desk.open(stamp, REDELIVERED, Subject::of(present.meta.id));
    let after = present.changed(changeset.at(), present.record.again(changeset.at()));
    changeset.update(present, &after);
    changeset.expect(subscription);
    Ok((changeset, after))
}

/// Sends again the deliveries that failed, are exhausted or were cancelled, and the events that were missed: those of the
/// window that the caller found, at most [`MOST_RECOVERED`] in all.
///
/// # Errors
/// [`Refusal::Disabled`].
pub fn recover(
    desk: &Desk<'_>,
    stamp: Stamp,
    subscription: &Stored<WebhookSubscription>,
    failed: &[Stored<WebhookDelivery>],
    missed: &[Missed],
) -> Result<(Changeset, Recovery), Refusal> {
    if !subscription.record.is_active() {
        return Err(Refusal::Disabled);
    }
    let mut changeset = desk.open(stamp, RECOVERED, Subject::of(subscription.meta.id));
    let mut recovery = Recovery::default();
    for present in failed.iter().take(MOST_RECOVERED) {
        let after = present.changed(changeset.at(), present.record.again(changeset.at()));
        changeset.update(present, &after);
        recovery.redelivered += 1;
    }
    for event in missed.iter().take(MOST_RECOVERED - recovery.redelivered) {
        changeset.create(&WebhookDelivery::of(event, subscription.meta.id));
        recovery.missed += 1;
    }
    changeset.expect(subscription);
    Ok((changeset, recovery))
}
