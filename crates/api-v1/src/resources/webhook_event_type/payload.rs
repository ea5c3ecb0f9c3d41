//! The description of webhook payloads in the OpenAPI document.

use http_api::endpoints::Media;
use kernel::OutboxEvent;
use serde_json::{Value, json};
use webhooks::EventType;

use crate::{
    resources::{
        assessment::assessment_data,
        evidence_claim::claim_data,
        finding::{finding_data, finding_status_change_data},
        submission_event::{event_recorded_data, status_changed_data},
    },
    view::{example_id, example_timestamp},
};

/// Returns the schema and an example of an event's `data`, made from the types that are serialized. A new event type
/// needs an arm here.
pub(super) fn event_data(event: EventType) -> Media {
    match event {
        EventType::FindingCreated | EventType::FindingUpdated | EventType::FindingClosed => finding_data(),
        EventType::FindingStatusChanged => finding_status_change_data(),
        EventType::AssessmentCompleted => assessment_data(),
        EventType::EvidenceClaimCreated | EventType::EvidenceClaimApproved | EventType::EvidenceClaimRejected => {
            claim_data(event)
        }
        EventType::SubmissionPackageStatusChanged => status_changed_data(),
        EventType::SubmissionPackageEventRecorded => event_recorded_data(),
    }
}

/// Returns the schema and an example of an event's whole payload.
fn event_payload(event: EventType) -> Media {
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
