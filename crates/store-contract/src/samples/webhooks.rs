//! Sample webhook subscriptions, deliveries and outbox events.

use std::{collections::BTreeSet, time::Duration};

use auth::AccountId;
use kernel::{Id, OutboxEvent, Revision, Timestamp};
use ulid::Ulid;
use webhooks::{
    AddressPolicy, Attempt, AttemptFailure, AttemptOutcome, DeliveryState, DisabledReason, EncryptedSecret,
    EndpointUrl, EventType, SubscriptionStatus, WebhookDelivery, WebhookSubscription,
};

/// An endpoint URL of a subscription.
#[must_use]
pub fn endpoint(url: &str) -> EndpointUrl {
    EndpointUrl::parse(url, &AddressPolicy::default()).unwrap()
}

/// An active subscription of the account to `finding.created`, in this slot of the account.
#[must_use]
pub fn subscription(account: AccountId, slot: u8) -> WebhookSubscription {
    WebhookSubscription::from_parts(
        account,
        slot,
        endpoint("https://hooks.example/in"),
        super::description(""),
        BTreeSet::from([EventType::FindingCreated]),
        SubscriptionStatus::Active,
        None,
        vec![EncryptedSecret { ciphertext: vec![1, 2, 3], expires_at: None }],
    )
}

/// The same subscription with another status.
#[must_use]
pub fn with_status(
    subscription: &WebhookSubscription,
    status: SubscriptionStatus,
    reason: Option<DisabledReason>,
) -> WebhookSubscription {
    let same = subscription.clone();
    WebhookSubscription::from_parts(
        same.account,
        same.slot,
        same.url,
        same.description,
        same.event_types,
        status,
        reason,
        same.secrets,
    )
}

/// A disabled subscription with every optional field set.
#[must_use]
pub fn full_subscription(account: AccountId, slot: u8, at: Timestamp) -> WebhookSubscription {
    let old = EncryptedSecret { ciphertext: (0..=255).collect(), expires_at: Some(at + Duration::from_secs(60)) };
    WebhookSubscription::from_parts(
        account,
        slot,
        endpoint("https://hooks.example:8443/in/%7Eus?a=%C3%A9&b=%27%22%C3%A9"),
        super::description("To the ticket desk.\n\t“Twice” at most. 🏦"),
        EventType::ALL.iter().copied().collect(),
        SubscriptionStatus::Disabled,
        Some(DisabledReason::Failing),
        vec![EncryptedSecret { ciphertext: Vec::new(), expires_at: None }, old],
    )
}

/// A pending delivery without an attempt, due at this moment.
#[must_use]
pub fn delivery(subscription: Id<WebhookSubscription>, event: Id<OutboxEvent>, at: Timestamp) -> WebhookDelivery {
    WebhookDelivery {
        subscription,
        event,
        event_type: EventType::FindingCreated.name().into(),
        subject: Ulid(7),
        subject_revision: Revision::FIRST,
        state: DeliveryState::Pending,
        consecutive_failures: 0,
        next_attempt_at: Some(at),
        attempts: Vec::new(),
    }
}

/// A failed delivery with every optional field set.
#[must_use]
pub fn full_delivery(subscription: Id<WebhookSubscription>, event: Id<OutboxEvent>, at: Timestamp) -> WebhookDelivery {
    let outcome = AttemptOutcome {
        duration: Duration::from_millis(14_999),
        status: Some(429),
        response_body: Some("{\"busy\":true}\n\0 🏦".to_owned()),
        failure: Some(AttemptFailure::Refused),
        retry_after: Some(Duration::from_secs(3_600)),
    };
    WebhookDelivery {
        event_type: "later.event".into(),
        subject_revision: Revision(41),
        state: DeliveryState::Failed,
        consecutive_failures: 2,
        attempts: vec![attempt(at, Some(AttemptFailure::TimedOut)), Attempt { at, outcome }],
        ..delivery(subscription, event, at + Duration::from_secs(3_600))
    }
}

/// An attempt that failed, or, without a failure, one that the endpoint accepted.
#[must_use]
pub fn attempt(at: Timestamp, failure: Option<AttemptFailure>) -> Attempt {
    let status = if failure.is_none() { Some(204) } else { None };
    let outcome =
        AttemptOutcome { duration: Duration::from_millis(30), status, response_body: None, failure, retry_after: None };
    Attempt { at, outcome }
}
