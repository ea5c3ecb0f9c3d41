//! Events as the outbox stores them.

use std::sync::Arc;

use bytes::Bytes;
use kernel::{Id, OrganizationId, OutboxEvent, Revision, Timestamp};
use ulid::Ulid;

/// An event from the outbox, as it was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The identifier of the event.
    pub id: Id<OutboxEvent>,
    /// The organization that the event belongs to.
    pub organization: OrganizationId,
    /// The name of the event type, from the catalogue of the server that wrote it.
    pub name: Arc<str>,
    /// The record that the event is about.
    pub subject: Ulid,
    /// The revision of that record.
    pub revision: Revision,
    /// The time of the event. An event about a change of a record is later than the events about its earlier changes.
    pub created_at: Timestamp,
    /// The rendered body; empty if only the metadata was read.
    pub body: Bytes,
}

impl From<&OutboxEvent> for StoredEvent {
    fn from(event: &OutboxEvent) -> Self {
        Self {
            id: event.id,
            organization: event.organization,
            name: event.name.into(),
            subject: event.subject.1,
            revision: event.revision,
            created_at: event.created_at,
            body: event.body.clone(),
        }
    }
}
