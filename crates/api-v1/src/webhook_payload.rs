//! The envelope of webhook payloads, and their renderer (contract v1, webhooks). Each resource implements the renderer for
//! its own events, in its file `payload.rs`.

use bytes::Bytes;
use http_api::response::{AsText, write_json};
use kernel::{Id, OrganizationId, OrganizationRef, OutboxEvent, Timestamp};
use serde::Serialize;

/// Renders events as the payloads that are delivered to subscribers.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayloadRenderer;

/// The members of a payload that all events have.
pub(crate) struct Envelope<'a> {
    pub(crate) id: Id<OutboxEvent>,
    pub(crate) event_type: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) organization: &'a OrganizationRef,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventPayload<'a, D> {
    id: AsText<Id<OutboxEvent>>,
    #[serde(rename = "type")]
    event_type: &'a str,
    created_at: AsText<Timestamp>,
    organization: PayloadOrganization<'a>,
    data: &'a D,
}

#[derive(Serialize)]
struct PayloadOrganization<'a> {
    id: AsText<OrganizationId>,
    slug: &'a str,
}

impl Envelope<'_> {
    /// Renders a payload with this `data`.
    pub(crate) fn render(&self, data: &impl Serialize) -> Bytes {
        let body = EventPayload {
            id: AsText(self.id),
            event_type: self.event_type,
            created_at: AsText(self.created_at),
            organization: PayloadOrganization { id: AsText(self.organization.id), slug: &self.organization.slug },
            data,
        };
        let mut bytes = Vec::with_capacity(1280);
        write_json(&mut bytes, &body);
        bytes.into()
    }
}
