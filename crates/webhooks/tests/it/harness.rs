//! A test harness with a fixed clock, predictable identifiers and one account.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use auth::{Account, AccountLimits, AccountStatus, ServiceAccount};
use bytes::Bytes;
use kernel::{
    Actor, ActorKind, Attribution, Changeset, Clock, Description, Entropy, Id, Kind, OrganizationId, OrganizationRef,
    Origin, OutboxEvent, Reason, Revision, Stored, Timestamp, TimestampOracle, Title, Ulid, WriteContext,
    WriteTimestamp,
};
use scopes::{Scope, ScopeSet};
use webhooks::{
    Attempt, AttemptFailure, AttemptOutcome, DisabledReason, EncryptedSecret, EndpointUrl, EventType, StoredEvent,
    SubscriptionStatus, WebhookDelivery, WebhookSubscription,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

/// A minute before [`NOW`]: when the stored records were created.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(1_779_718_053_000);

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(1..).for_each(|(byte, number)| *byte = number);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(number))
    }
}

pub(crate) struct Harness {
    entropy: CountingEntropy,
    organization: OrganizationRef,
    attribution: Attribution,
    reason: Reason,
    timestamps: TimestampOracle,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self {
            entropy: CountingEntropy::default(),
            organization: OrganizationRef { id: organization(), slug: "acme".into() },
            attribution: Attribution {
                actor: Actor { kind: ActorKind::System, id: None, name: "test".into() },
                origin: Origin {
                    request_id: Id::new(Ulid(9)),
                    method: None,
                    route: None,
                    source_address: None,
                    user_agent: None,
                },
                actor_revision: None,
            },
            reason: Reason::parse("a reason that is long enough").unwrap(),
            timestamps: TimestampOracle::new(Arc::new(FixedClock)),
        }
    }

    pub(crate) fn context(&self) -> WriteContext<'_> {
        WriteContext {
            organization: &self.organization,
            attribution: &self.attribution,
            reason: Some(&self.reason),
            entropy: &self.entropy,
        }
    }

    pub(crate) fn write_timestamp(&self) -> WriteTimestamp {
        self.timestamps.begin()
    }
}

pub(crate) fn organization() -> OrganizationId {
    Id::new(Ulid::from_parts(1, 1))
}

pub(crate) fn account(scopes: &[Scope]) -> Account {
    let record = ServiceAccount {
        name: Title::parse("Integration").unwrap(),
        contact: None,
        scopes: scopes.iter().copied().collect::<ScopeSet>(),
        status: AccountStatus::Active,
        expires_at: None,
        secrets: Vec::new(),
        limits: AccountLimits::default(),
    };
    Stored::new(organization(), Id::new(Ulid(11)), BEFORE, record)
}

pub(crate) fn url(text: &str) -> EndpointUrl {
    EndpointUrl::from_stored(text).unwrap()
}

/// A subscription to the creation of findings.
pub(crate) fn subscription(
    status: SubscriptionStatus,
    disabled_reason: Option<DisabledReason>,
) -> Stored<WebhookSubscription> {
    let record = WebhookSubscription::from_parts(
        Id::new(Ulid(11)),
        3,
        url("https://hook.example/"),
        Description::parse("Tickets").unwrap(),
        BTreeSet::from([EventType::FindingCreated]),
        status,
        disabled_reason,
        vec![EncryptedSecret { ciphertext: vec![1], expires_at: None }],
    );
    Stored::new(organization(), Id::new(Ulid(21)), BEFORE, record)
}

pub(crate) fn active() -> Stored<WebhookSubscription> {
    subscription(SubscriptionStatus::Active, None)
}

pub(crate) fn outbox_event(name: &'static str) -> OutboxEvent {
    OutboxEvent {
        id: Id::new(Ulid(31)),
        organization: organization(),
        name,
        subject: (Kind::Finding, Ulid(41)),
        revision: Revision(7),
        created_at: NOW,
        body: Bytes::from_static(b"{}"),
    }
}

pub(crate) fn stored_event(number: u128) -> StoredEvent {
    StoredEvent { id: Id::new(Ulid(number)), ..StoredEvent::from(&outbox_event("finding.created")) }
}

pub(crate) fn succeeded(at: Timestamp) -> Attempt {
    let outcome = AttemptOutcome {
        duration: Duration::from_millis(9),
        status: Some(204),
        response_body: None,
        failure: None,
        retry_after: None,
    };
    Attempt { at, outcome }
}

pub(crate) fn failed(at: Timestamp) -> Attempt {
    let outcome = AttemptOutcome { status: Some(500), failure: Some(AttemptFailure::Refused), ..succeeded(at).outcome };
    Attempt { at, outcome }
}

/// The delivery of an event to the subscription, which is due since [`NOW`].
pub(crate) fn delivery() -> Stored<WebhookDelivery> {
    WebhookDelivery::new(&stored_event(31), Id::new(Ulid(21)))
}

/// The actions of a changeset's audit entries.
pub(crate) fn audit_actions(changeset: &Changeset) -> Vec<String> {
    changeset.entries().iter().map(|entry| entry.action.to_string()).collect()
}

/// The names of the fields in the audit entry of the call.
pub(crate) fn changed_fields(changeset: &Changeset) -> Vec<&str> {
    changeset.entries()[0].changes.iter().map(|change| &*change.field).collect()
}

/// The record of the changeset's write at `index`.
pub(crate) fn written<R: Clone + 'static>(changeset: &Changeset, index: usize) -> R {
    changeset.writes()[index].record.as_any().downcast_ref::<R>().unwrap().clone()
}
