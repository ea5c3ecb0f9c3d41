//! Redelivery of events that did not arrive.

use kernel::{Action, Changeset, Stored, Subject, Timestamp, WriteContext, WriteTimestamp};

use crate::{
    delivery::{DeliveryState, WebhookDelivery},
    error::WebhookError,
    event::StoredEvent,
    subscription::WebhookSubscription,
};

const REDELIVERED: Action = Action::new("webhook_delivery.redelivered");
const RECOVERED: Action = Action::new("webhook_subscription.recovered");

/// Maximum number of deliveries that one call of [`recover`] sends again.
pub const MAX_RECOVERED: usize = 1_000;

/// The time range of the events to send again: from `since`, inclusive, to `until`, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayRange {
    /// The start of the range, inclusive.
    pub since: Timestamp,
    /// The end of the range, exclusive.
    pub until: Timestamp,
}

/// An event without a delivery to the subscription, because the subscription was disabled when it was fanned out.
pub type UndeliveredEvent = StoredEvent;

/// The number of deliveries that are sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryCounts {
    /// Redelivered deliveries: those that had failed, were exhausted or cancelled.
    pub redelivered: usize,
    /// New deliveries of events that happened while the subscription was disabled.
    pub missed: usize,
}

/// Sends the delivery again immediately, with a fresh retry schedule, in any state but pending.
///
/// # Errors
/// [`WebhookError::AlreadyPending`] if an attempt is due anyway, [`WebhookError::Disabled`].
pub fn redeliver(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    subscription: &Stored<WebhookSubscription>,
    current: &Stored<WebhookDelivery>,
) -> Result<(Changeset, Stored<WebhookDelivery>), WebhookError> {
    if !subscription.record.is_active() {
        return Err(WebhookError::Disabled);
    }
    if current.record.state == DeliveryState::Pending {
        return Err(WebhookError::AlreadyPending);
    }
    let mut changeset = context.begin(timestamp.after([current]), REDELIVERED, Some(Subject::from_id(current.meta.id)));
    let after = current.changed(changeset.at(), current.record.requeued(changeset.due_at()));
    changeset.update(current, &after);
    changeset.require_unchanged(subscription);
    Ok((changeset, after))
}

/// Sends again the deliveries in `failed`, which failed, are exhausted or were cancelled, and the events in `missed`.
/// The caller selects both by a [`ReplayRange`]; at most [`MAX_RECOVERED`] in total are sent.
///
/// # Errors
/// [`WebhookError::Disabled`].
pub fn recover(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    subscription: &Stored<WebhookSubscription>,
    failed: &[Stored<WebhookDelivery>],
    missed: &[UndeliveredEvent],
) -> Result<(Changeset, RecoveryCounts), WebhookError> {
    if !subscription.record.is_active() {
        return Err(WebhookError::Disabled);
    }
    let failed = || failed.iter().take(MAX_RECOVERED);
    let mut changeset =
        context.begin(timestamp.after(failed()), RECOVERED, Some(Subject::from_id(subscription.meta.id)));
    let mut recovery = RecoveryCounts::default();
    for current in failed() {
        let after = current.changed(changeset.at(), current.record.requeued(changeset.due_at()));
        changeset.update(current, &after);
        recovery.redelivered += 1;
    }
    for event in missed.iter().take(MAX_RECOVERED - recovery.redelivered) {
        changeset.create(&WebhookDelivery::new(event, subscription.meta.id));
        recovery.missed += 1;
    }
    changeset.require_unchanged(subscription);
    Ok((changeset, recovery))
}
