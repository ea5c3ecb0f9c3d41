//! Rendering of webhook payloads (contract v1, webhooks).

use bytes::Bytes;
use findings::{EventRenderer, Finding, FindingChange, FindingChangeKind, Status};
use kernel::{Id, OrganizationId, OrganizationRef, OutboxEvent, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};
use webhooks::EventType;

use crate::{
    operation::Media,
    resources::finding::{FindingDto, status_schema},
    response::write_json,
    view::{AsText, View, example_id, example_timestamp},
};

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

#[derive(Serialize, ToSchema)]
struct FindingData<'a> {
    #[schema(inline)]
    finding: FindingDto<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FindingStatusChangeData<'a> {
    #[schema(inline)]
    finding: FindingDto<'a>,
    #[schema(schema_with = status_schema)]
    previous_status: &'static str,
}

impl EventRenderer for PayloadRenderer {
    fn render(&self, change: &FindingChange<'_>) -> Bytes {
        let head = Envelope {
            id: change.id,
            event_type: change.kind.name(),
            created_at: change.created_at,
            organization: change.organization,
        };
        let finding = Finding::to_dto(change.finding);
        match change.kind {
            FindingChangeKind::StatusChanged { previous } => {
                head.render(&FindingStatusChangeData { finding, previous_status: previous.name() })
            }
            FindingChangeKind::Created | FindingChangeKind::Updated | FindingChangeKind::Closed => {
                head.render(&FindingData { finding })
            }
        }
    }
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

/// Returns the schema and an example of an event's `data`, made from the types that are serialized. A new event type
/// needs an arm here.
pub(crate) fn event_data(event: EventType) -> Media {
    let stored = Finding::example();
    let finding = Finding::to_dto(&stored);
    match event {
        EventType::FindingCreated | EventType::FindingUpdated | EventType::FindingClosed => {
            media(&FindingData { finding })
        }
        EventType::FindingStatusChanged => {
            media(&FindingStatusChangeData { finding, previous_status: Status::Triaged.name() })
        }
    }
}

fn media<D: Serialize + PartialSchema>(example: &D) -> Media {
    Media { schema: json!(D::schema()), example: json!(example) }
}

/// Returns the schema and an example of an event's whole payload.
pub(crate) fn event_payload(event: EventType) -> Media {
    let data = event_data(event);
    let text = |description: &str| json!({ "type": "string", "description": description });
    let schema = json!({
        "type": "object",
        "required": ["id", "type", "createdAt", "organization", "data"],
        "properties": {
            "id": text("The identifier of the event, `evt_…`. It is the same for every attempt and every subscriber."),
            "type": { "type": "string", "enum": [event.name()] },
            "createdAt": { "type": "string", "format": "date-time" },
            "organization": {
                "type": "object",
                "required": ["id", "slug"],
                "properties": { "id": text("The identifier of the organization, `org_…`."), "slug": { "type": "string" } },
            },
            "data": data.schema,
        },
    });
    let example = json!({
        "id": example_id::<OutboxEvent>(8).to_string(),
        "type": event.name(),
        "createdAt": example_timestamp().to_string(),
        "organization": { "id": example_id::<kernel::Organization>(1).to_string(), "slug": "cedar-valley" },
        "data": data.example,
    });
    Media { schema, example }
}

/// Returns the `webhooks` section of the OpenAPI document.
pub(crate) fn webhooks_section() -> Value {
    let header = |name: &str, description: &str| json!({ "name": name, "in": "header", "required": true, "description": description, "schema": { "type": "string" } });
    let headers = [
        header("webhook-id", "The event's `id`."),
        header("webhook-timestamp", "The time of this attempt, in Unix seconds."),
        header(
            "webhook-signature",
            "A signature as defined by Standard Webhooks: `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`. There is one signature per valid secret, separated by spaces.",
        ),
    ];
    let webhooks = EventType::ALL.iter().map(|event| {
        let Media { schema, example } = event_payload(*event);
        let post = json!({
            "summary": event.description(),
            "description": format!("Requires the scope `{}`. Any 2xx response within 15 s counts as delivered.", event.scope()),
            "tags": ["Webhooks"],
            "security": [],
            "parameters": headers,
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": schema, "example": example } },
            },
            "responses": { "2XX": { "description": "The event was accepted." } },
        });
        (event.name().to_owned(), json!({ "post": post }))
    });
    Value::Object(webhooks.collect())
}
