//! The outbox: events, and whether they are fanned out.

use bytes::Bytes;
use kernel::{Id, OrganizationId, OutboxEvent};
use ulid::Ulid;
use webhooks::{EventType, StoredEvent, TEST_EVENT};

use super::State;

/// An event in the outbox.
#[derive(Clone)]
pub(crate) struct OutboxRow {
    pub(crate) event: OutboxEvent,
    /// Whether the event is not fanned out yet.
    pub(crate) pending: bool,
}

impl OutboxRow {
    pub(crate) fn with_body(&self) -> StoredEvent {
        StoredEvent::from(&self.event)
    }

    pub(crate) fn without_body(&self) -> StoredEvent {
        StoredEvent { body: Bytes::new(), ..self.with_body() }
    }

    pub(crate) fn is_between(&self, after: Ulid, last: Ulid) -> bool {
        self.event.id.ulid() > after && self.event.id.ulid() <= last
    }

    /// Whether the event is pending and its type is supported; an unsupported one is left to a newer server.
    pub(crate) fn is_pending_and_supported(&self) -> bool {
        self.pending && (self.event.name == TEST_EVENT || self.event.name.parse::<EventType>().is_ok())
    }
}

impl State {
    /// The organization's events, ordered by identifier.
    pub(crate) fn events(&self, organization: OrganizationId) -> impl Iterator<Item = &OutboxRow> {
        let (first, last) = ((organization, Id::new(Ulid::nil())), (organization, Id::new(Ulid::max())));
        self.outbox.range(first..=last).map(|(_, event)| event)
    }
}
