//! What an account does with its subscriptions, and the server on its behalf.

use std::{collections::BTreeSet, time::Duration};

use auth::Account;
use kernel::{
    Action, Attribution, Change, Changeset, Description, Entropy, Id, Invalid, OutboxEvent, Reason, Stamp, Stored,
    Subject, Timestamp,
};

use crate::{
    attempt::Attempt,
    catalogue::EventType,
    delivery::{DeliveryState, WebhookDelivery},
    endpoint::EndpointUrl,
    ports::StoredEvent,
    refusal::Refusal,
    secret::SealedSecret,
    subscription::{DisabledReason, MOST_PER_ACCOUNT, SubscriptionStatus, WebhookSubscription},
};

const CREATED: Action = Action::new("webhook_subscription.created");
const UPDATED: Action = Action::new("webhook_subscription.updated");
const REMOVED: Action = Action::new("webhook_subscription.deleted");
const ROTATED: Action = Action::new("webhook_subscription.secret_rotated");
const TESTED: Action = Action::new("webhook_subscription.tested");
const DISABLED: Action = Action::new("webhook_subscription.disabled");

/// What a command is decided with, beside the state it is about.
pub struct Desk<'a> {
    /// For new identifiers.
    pub entropy: &'a dyn Entropy,
    /// On whose behalf.
    pub attribution: &'a Attribution,
    /// Why; `None` only where the server acts by itself.
    pub reason: Option<&'a Reason>,
}

impl Desk<'_> {
    pub(crate) fn open(&self, stamp: Stamp, action: Action, subject: Subject) -> Changeset {
        let reason = self.reason.cloned();
        Changeset::new(self.entropy, stamp, self.attribution.clone(), action, Some(subject), reason)
    }
}

/// A subscription to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSubscription {
    /// Where deliveries go.
    pub url: EndpointUrl,
    /// What it is for.
    pub description: Description,
    /// The events it is told of.
    pub event_types: BTreeSet<EventType>,
}

/// What is to change. A field that is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubscriptionChange {
    /// Where deliveries go.
    pub url: Option<EndpointUrl>,
    /// What it is for.
    pub description: Option<Description>,
    /// The events it is told of.
    pub event_types: Option<BTreeSet<EventType>>,
    /// Whether it is told anything: `true` makes it active again, whatever disabled it.
    pub active: Option<bool>,
}

impl SubscriptionChange {
    /// Whether it names no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An account may be told only what it may read.
fn readable(account: &Account, event_types: &BTreeSet<EventType>) -> Result<(), Refusal> {
    if event_types.is_empty() {
        return Err(Refusal::Invalid(vec![Invalid::new("event_types", "must name at least one event")]));
    }
    let lacking = event_types.iter().map(|event| event.scope()).find(|scope| !account.record.scopes.contains(*scope));
    lacking.map_or(Ok(()), |scope| Err(Refusal::Scope(scope)))
}

/// Makes a subscription for the account. `id` was made for it, since its secret is sealed for it; `taken` are the places of
/// the account's other subscriptions.
///
/// # Errors
/// [`Refusal::Invalid`] for no event, [`Refusal::Scope`], [`Refusal::TooMany`].
pub fn subscribe(
    desk: &Desk<'_>,
    stamp: Stamp,
    account: &Account,
    taken: &BTreeSet<u8>,
    id: Id<WebhookSubscription>,
    secret: Vec<u8>,
    new: &NewSubscription,
) -> Result<(Changeset, Stored<WebhookSubscription>), Refusal> {
    readable(account, &new.event_types)?;
    let most = u8::try_from(MOST_PER_ACCOUNT).unwrap_or(u8::MAX);
    let place = (0..most).find(|place| !taken.contains(place)).ok_or(Refusal::TooMany)?;
    let subscription = WebhookSubscription::of_parts(
        account.meta.id,
        place,
        new.url.clone(),
        new.description.clone(),
        new.event_types.clone(),
        SubscriptionStatus::Active,
        None,
        vec![SealedSecret { sealed: secret, ends_at: None }],
    );
    let mut changeset = desk.open(stamp, CREATED, Subject::of(id));
    let stored = Stored::new(account.meta.organization, id, changeset.at(), subscription);
    changeset.changes(Change::between(None, &stored.record));
    changeset.create(&stored);
    Ok((changeset, stored))
}

/// Changes a subscription. Where nothing differs, the call is on record and the subscription stays at its revision.
///
/// # Errors
/// [`Refusal::Invalid`] for no event, [`Refusal::Scope`].
pub fn revise(
    desk: &Desk<'_>,
    stamp: Stamp,
    account: &Account,
    present: &Stored<WebhookSubscription>,
    change: &SubscriptionChange,
) -> Result<(Changeset, Stored<WebhookSubscription>), Refusal> {
    if let Some(event_types) = &change.event_types {
        readable(account, event_types)?;
    }
    let before = &present.record;
    let moved = match change.active {
        Some(true) => before.with_status(SubscriptionStatus::Active, None),
        Some(false) if before.is_active() => {
            before.with_status(SubscriptionStatus::Disabled, Some(DisabledReason::Requested))
        }
        Some(false) | None => before.clone(),
    };
    let revised = WebhookSubscription {
        url: change.url.clone().unwrap_or(moved.url),
        description: change.description.clone().unwrap_or(moved.description),
        event_types: change.event_types.clone().unwrap_or(moved.event_types),
        ..moved
    };
    let mut changeset = desk.open(stamp, UPDATED, Subject::of(present.meta.id));
    if revised == *before {
        changeset.expect(present);
        return Ok((changeset, present.clone()));
    }
    let after = present.changed(changeset.at(), revised);
    changeset.changes(Change::between(Some(before), &after.record));
    changeset.update(present, &after);
    Ok((changeset, after))
}

/// Removes a subscription. What of it was not delivered is cancelled once its lane is looked at.
#[must_use]
pub fn remove(desk: &Desk<'_>, stamp: Stamp, present: &Stored<WebhookSubscription>) -> Changeset {
    let mut changeset = desk.open(stamp, REMOVED, Subject::of(present.meta.id));
    let removed =
        WebhookSubscription { secrets: Vec::new(), ..present.record.with_status(SubscriptionStatus::Removed, None) };
    let after = present.changed(changeset.at(), removed);
    changeset.changes(Change::between(Some(&present.record), &after.record));
    changeset.update(present, &after);
    changeset
}

/// Gives a subscription another secret. The one before goes on signing for `grace`, any older one ends at once, so that at
/// most two ever sign.
///
/// # Errors
/// [`Refusal::Invalid`] for a grace above seven days.
pub fn rotate(
    desk: &Desk<'_>,
    stamp: Stamp,
    present: &Stored<WebhookSubscription>,
    secret: Vec<u8>,
    grace: Duration,
) -> Result<(Changeset, Stored<WebhookSubscription>), Refusal> {
    if grace > auth::ServiceAccount::MAX_GRACE {
        return Err(Refusal::Invalid(vec![Invalid::new("grace_seconds", "must be at most 604800, seven days")]));
    }
    let now = stamp.at();
    let current = present.record.secrets.iter().find(|secret| secret.ends_at.is_none());
    let old = current.filter(|_| !grace.is_zero());
    let old = old.map(|old| SealedSecret { sealed: old.sealed.clone(), ends_at: Some(now + grace) });
    let secrets = [SealedSecret { sealed: secret, ends_at: None }].into_iter().chain(old).collect();
    let mut changeset = desk.open(stamp, ROTATED, Subject::of(present.meta.id));
    let after = present.changed(changeset.at(), WebhookSubscription { secrets, ..present.record.clone() });
    changeset.update(present, &after);
    Ok((changeset, after))
}

/// Disables a subscription whose endpoint is gone or has failed for too long.
#[must_use]
pub fn disable(
    desk: &Desk<'_>,
    stamp: Stamp,
    present: &Stored<WebhookSubscription>,
    reason: DisabledReason,
) -> (Changeset, Stored<WebhookSubscription>) {
    let mut changeset = desk.open(stamp, DISABLED, Subject::of(present.meta.id));
    let disabled = present.record.with_status(SubscriptionStatus::Disabled, Some(reason));
    let after = present.changed(changeset.at(), disabled);
    changeset.changes(Change::between(Some(&present.record), &after.record));
    changeset.update(present, &after);
    (changeset, after)
}

/// Puts on record that a subscription was tried out: the event, its delivery and the one attempt, which is not repeated by
/// itself.
#[must_use]
pub fn tested(
    desk: &Desk<'_>,
    stamp: Stamp,
    present: &Stored<WebhookSubscription>,
    event: OutboxEvent,
    attempt: Attempt,
    ended: Timestamp,
) -> (Changeset, Stored<WebhookDelivery>) {
    let mut changeset = desk.open(stamp, TESTED, Subject::of(present.meta.id));
    let sent = StoredEvent {
        id: event.id,
        organization: event.organization,
        name: event.name.into(),
        subject: event.subject.1,
        revision: event.revision,
        created_at: event.created_at,
        body: event.body.clone(),
    };
    let mut delivery = WebhookDelivery::of(&sent, present.meta.id);
    delivery.record = delivery.record.attempted(attempt, ended, 0);
    if delivery.record.state == DeliveryState::Failed {
        delivery.record.state = DeliveryState::Exhausted;
        delivery.record.next_attempt_at = None;
    }
    changeset.publish(event);
    changeset.create(&delivery);
    changeset.expect(present);
    (changeset, delivery)
}
