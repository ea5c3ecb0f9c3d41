//! Commands on subscriptions: by the account that owns them, and by the server itself.

use std::{collections::BTreeSet, time::Duration};

use auth::Account;
use kernel::{
    Action, Change, Changeset, Description, FieldError, FieldValue, Id, OutboxEvent, Stored, Subject, Timestamp,
    WriteContext, WriteTimestamp,
};

use crate::{
    attempt::Attempt,
    catalogue::EventType,
    delivery::{DeliveryState, WebhookDelivery},
    endpoint::EndpointUrl,
    error::WebhookError,
    event::StoredEvent,
    secret::EncryptedSecret,
    subscription::{DisabledReason, MAX_SUBSCRIPTIONS_PER_ACCOUNT, SubscriptionStatus, WebhookSubscription},
};

const CREATED: Action = Action::new("webhook_subscription.created");
const UPDATED: Action = Action::new("webhook_subscription.updated");
const REMOVED: Action = Action::new("webhook_subscription.deleted");
const ROTATED: Action = Action::new("webhook_subscription.secret_rotated");
const TESTED: Action = Action::new("webhook_subscription.tested");
const DISABLED: Action = Action::new("webhook_subscription.disabled");

/// The fields of a new subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSubscription {
    /// The URL that deliveries go to.
    pub url: EndpointUrl,
    /// The purpose of the subscription.
    pub description: Description,
    /// The events that it selects; must not be empty.
    pub event_types: BTreeSet<EventType>,
}

/// Changes to a subscription. A field that is `None` keeps its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubscriptionPatch {
    /// The URL that deliveries go to.
    pub url: Option<EndpointUrl>,
    /// The purpose of the subscription.
    pub description: Option<Description>,
    /// The events that it selects; must not be empty.
    pub event_types: Option<BTreeSet<EventType>>,
    /// Whether events are delivered to it. `true` enables it again for any [`DisabledReason`].
    pub active: Option<bool>,
}

impl SubscriptionPatch {
    /// Whether no field is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Checks that there is at least one event, and that the account may read the resource of each.
fn check_scopes(account: &Account, event_types: &BTreeSet<EventType>) -> Result<(), WebhookError> {
    if event_types.is_empty() {
        return Err(WebhookError::Invalid(vec![FieldError::new("event_types", "must name at least one event")]));
    }
    let missing = event_types.iter().map(|event| event.scope()).find(|scope| !account.record.scopes.contains(*scope));
    missing.map_or(Ok(()), |scope| Err(WebhookError::MissingScope(scope)))
}

/// Creates a subscription for the account. The caller generates `id`, because `secret` is encrypted for it.
/// `taken_slots` are the slots of the account's other subscriptions.
///
/// # Errors
/// [`WebhookError::Invalid`] without events, [`WebhookError::MissingScope`], [`WebhookError::TooManySubscriptions`].
pub fn subscribe(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    account: &Account,
    taken_slots: &BTreeSet<u8>,
    id: Id<WebhookSubscription>,
    secret: Vec<u8>,
    new: &NewSubscription,
) -> Result<(Changeset, Stored<WebhookSubscription>), WebhookError> {
    check_scopes(account, &new.event_types)?;
    let slots = u8::try_from(MAX_SUBSCRIPTIONS_PER_ACCOUNT).unwrap_or(u8::MAX);
    let slot = (0..slots).find(|slot| !taken_slots.contains(slot)).ok_or(WebhookError::TooManySubscriptions)?;
    let subscription = WebhookSubscription::from_parts(
        account.meta.id,
        slot,
        new.url.clone(),
        new.description.clone(),
        new.event_types.clone(),
        SubscriptionStatus::Active,
        None,
        vec![EncryptedSecret { ciphertext: secret, expires_at: None }],
    );
    let mut changeset = context.begin(timestamp, CREATED, Some(Subject::from_id(id)));
    let stored = Stored::new(account.meta.organization, id, changeset.at(), subscription);
    changeset.set_changes(Change::between(None, &stored.record));
    changeset.create(&stored);
    Ok((changeset, stored))
}

/// Updates a subscription. If no value differs, the changeset only holds the audit entry, and the subscription keeps
/// its revision.
///
/// # Errors
/// [`WebhookError::Invalid`] without events, [`WebhookError::MissingScope`].
pub fn update(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    account: &Account,
    current: &Stored<WebhookSubscription>,
    patch: &SubscriptionPatch,
) -> Result<(Changeset, Stored<WebhookSubscription>), WebhookError> {
    if let Some(event_types) = &patch.event_types {
        check_scopes(account, event_types)?;
    }
    let before = &current.record;
    let with_status = match patch.active {
        Some(true) => before.with_status(SubscriptionStatus::Active, None),
        Some(false) if before.is_active() => {
            before.with_status(SubscriptionStatus::Disabled, Some(DisabledReason::Requested))
        }
        Some(false) | None => before.clone(),
    };
    let updated = WebhookSubscription {
        url: patch.url.clone().unwrap_or(with_status.url),
        description: patch.description.clone().unwrap_or(with_status.description),
        event_types: patch.event_types.clone().unwrap_or(with_status.event_types),
        ..with_status
    };
    let mut changeset = context.begin(timestamp.after([current]), UPDATED, Some(Subject::from_id(current.meta.id)));
    if updated == *before {
        changeset.require_unchanged(current);
        return Ok((changeset, current.clone()));
    }
    let after = current.changed(changeset.at(), updated);
    changeset.set_changes(changes(before, &after.record));
    changeset.update(current, &after);
    Ok((changeset, after))
}

/// Returns the changes of an update. If only masked parts of the URL differ, the URL is listed too, with equal values.
fn changes(before: &WebhookSubscription, after: &WebhookSubscription) -> Vec<Change> {
    let mut changes = Change::between(Some(before), after);
    let (masked_before, masked_after) = (before.url.masked(), after.url.masked());
    if before.url != after.url && masked_before == masked_after {
        let [before, after] = [masked_before, masked_after].map(FieldValue::Text);
        changes.insert(0, Change { field: "url".into(), before, after });
    }
    changes
}

/// Removes a subscription. Its unfinished deliveries are cancelled when a worker next leases its partition.
#[must_use]
pub fn remove(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<WebhookSubscription>,
) -> Changeset {
    let mut changeset = context.begin(timestamp.after([current]), REMOVED, Some(Subject::from_id(current.meta.id)));
    let removed =
        WebhookSubscription { secrets: Vec::new(), ..current.record.with_status(SubscriptionStatus::Removed, None) };
    let after = current.changed(changeset.at(), removed);
    changeset.set_changes(Change::between(Some(&current.record), &after.record));
    changeset.update(current, &after);
    changeset
}

/// Rotates the signing secret of a subscription. The previous secret keeps signing for `grace`; any older one expires
/// immediately, so that at most two secrets sign at a time.
///
/// # Errors
/// [`WebhookError::Invalid`] for a grace period above seven days.
pub fn rotate_secret(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<WebhookSubscription>,
    secret: Vec<u8>,
    grace: Duration,
) -> Result<(Changeset, Stored<WebhookSubscription>), WebhookError> {
    if grace > auth::ServiceAccount::MAX_GRACE {
        return Err(WebhookError::Invalid(vec![FieldError::new(
            "grace_seconds",
            "must be at most 604800 (seven days)",
        )]));
    }
    let now = timestamp.clock();
    let active = current.record.secrets.iter().find(|secret| secret.expires_at.is_none());
    let old = active.filter(|_| !grace.is_zero());
    let old = old.map(|old| EncryptedSecret { ciphertext: old.ciphertext.clone(), expires_at: Some(now + grace) });
    let secrets = [EncryptedSecret { ciphertext: secret, expires_at: None }].into_iter().chain(old).collect();
    let mut changeset = context.begin(timestamp.after([current]), ROTATED, Some(Subject::from_id(current.meta.id)));
    let after = current.changed(changeset.at(), WebhookSubscription { secrets, ..current.record.clone() });
    changeset.update(current, &after);
    Ok((changeset, after))
}

/// Disables a subscription whose endpoint is gone or has failed for too long.
#[must_use]
pub fn disable(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<WebhookSubscription>,
    reason: DisabledReason,
) -> (Changeset, Stored<WebhookSubscription>) {
    let mut changeset = context.begin(timestamp.after([current]), DISABLED, Some(Subject::from_id(current.meta.id)));
    let disabled = current.record.with_status(SubscriptionStatus::Disabled, Some(reason));
    let after = current.changed(changeset.at(), disabled);
    changeset.set_changes(Change::between(Some(&current.record), &after.record));
    changeset.update(current, &after);
    (changeset, after)
}

/// Records a test of a subscription: the event, its delivery and the single attempt, which is not retried
/// automatically. If the endpoint, that of `url`, is gone, the subscription is disabled as after any attempt.
#[must_use]
pub fn record_test(
    context: &WriteContext<'_>,
    timestamp: WriteTimestamp,
    current: &Stored<WebhookSubscription>,
    url: &EndpointUrl,
    event: OutboxEvent,
    attempt: Attempt,
    ended_at: Timestamp,
) -> (Changeset, Stored<WebhookDelivery>) {
    let mut changeset = context.begin(timestamp.after([current]), TESTED, Some(Subject::from_id(current.meta.id)));
    let is_gone = attempt.outcome.is_gone() && current.record.is_active() && current.record.url == *url;
    let mut delivery = WebhookDelivery::new(&StoredEvent::from(&event), current.meta.id);
    delivery.record = delivery.record.after_attempt(attempt, ended_at, 0);
    if delivery.record.state == DeliveryState::Failed {
        delivery.record.state = DeliveryState::Exhausted;
        delivery.record.next_attempt_at = None;
    }
    changeset.publish(event);
    changeset.create(&delivery);
    if is_gone {
        let disabled = current.record.with_status(SubscriptionStatus::Disabled, Some(DisabledReason::Gone));
        let after = current.changed(changeset.at(), disabled);
        let changes = Change::between(Some(&current.record), &after.record);
        changeset.add_entry(context.entropy, DISABLED, Some(Subject::from_id(current.meta.id)), changes);
        changeset.update(current, &after);
    } else {
        changeset.require_unchanged(current);
    }
    (changeset, delivery)
}
