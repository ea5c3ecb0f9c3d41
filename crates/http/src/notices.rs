//! What subscribers are sent (contract v1, webhooks).

use bytes::Bytes;
use findings::{Finding, Happened, Notice, NoticeRenderer, Status, Tenant};
use kernel::{Id, OrganizationId, OutboxEvent, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};
use webhooks::EventType;

use crate::{
    operation::Media,
    reply::write_json,
    resources::finding::{FindingShape, status_schema},
    view::{Shown, View, example_id, example_moment},
};

/// Writes notices out as the bodies that are delivered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notices;

/// What is the same for all events.
pub(crate) struct Head<'a> {
    pub(crate) id: Id<OutboxEvent>,
    pub(crate) happened: &'a str,
    pub(crate) created_at: Timestamp,
    pub(crate) tenant: &'a Tenant,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a, D> {
    id: Shown<Id<OutboxEvent>>,
    #[serde(rename = "type")]
    happened: &'a str,
    created_at: Shown<Timestamp>,
    organization: Owner<'a>,
    data: &'a D,
}

#[derive(Serialize)]
struct Owner<'a> {
    id: Shown<OrganizationId>,
    slug: &'a str,
}

#[derive(Serialize, ToSchema)]
struct FindingData<'a> {
    #[schema(inline)]
    finding: FindingShape<'a>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MovedFindingData<'a> {
    #[schema(inline)]
    finding: FindingShape<'a>,
    #[schema(schema_with = status_schema)]
    previous_status: &'static str,
}

impl NoticeRenderer for Notices {
    fn render(&self, notice: &Notice<'_>) -> Bytes {
        let head = Head {
            id: notice.id,
            happened: notice.happened.name(),
            created_at: notice.created_at,
            tenant: notice.tenant,
        };
        let finding = Finding::shape(notice.finding);
        match notice.happened {
            Happened::StatusChanged { previous } => {
                head.with(&MovedFindingData { finding, previous_status: previous.name() })
            }
            Happened::Created | Happened::Updated | Happened::Closed => head.with(&FindingData { finding }),
        }
    }
}

impl Head<'_> {
    /// The body of an event with this data.
    pub(crate) fn with(&self, data: &impl Serialize) -> Bytes {
        let body = Body {
            id: Shown(self.id),
            happened: self.happened,
            created_at: Shown(self.created_at),
            organization: Owner { id: Shown(self.tenant.organization), slug: &self.tenant.slug },
            data,
        };
        let mut bytes = Vec::with_capacity(1280);
        write_json(&mut bytes, &body);
        bytes.into()
    }
}

/// What the `data` of an event is, made of the shapes that write it. An event that is new to the catalogue has its arm here.
pub(crate) fn data_of(event: EventType) -> Media {
    let stored = Finding::example();
    let finding = Finding::shape(&stored);
    match event {
        EventType::FindingCreated | EventType::FindingUpdated | EventType::FindingClosed => {
            media(&FindingData { finding })
        }
        EventType::FindingStatusChanged => {
            media(&MovedFindingData { finding, previous_status: Status::Triaged.name() })
        }
    }
}

fn media<D: Serialize + PartialSchema>(example: &D) -> Media {
    Media { schema: json!(D::schema()), example: json!(example) }
}

/// What is sent of an event, whole.
pub(crate) fn body_of(event: EventType) -> Media {
    let data = data_of(event);
    let text = |says: &str| json!({ "type": "string", "description": says });
    let schema = json!({
        "type": "object",
        "required": ["id", "type", "createdAt", "organization", "data"],
        "properties": {
            "id": text("`evt_…`: the same over every attempt, and for every subscriber."),
            "type": { "type": "string", "enum": [event.name()] },
            "createdAt": { "type": "string", "format": "date-time" },
            "organization": {
                "type": "object",
                "required": ["id", "slug"],
                "properties": { "id": text("`org_…`"), "slug": { "type": "string" } },
            },
            "data": data.schema,
        },
    });
    let example = json!({
        "id": example_id::<OutboxEvent>(8).to_string(),
        "type": event.name(),
        "createdAt": example_moment().to_string(),
        "organization": { "id": example_id::<kernel::Organization>(1).to_string(), "slug": "cedar-valley" },
        "data": data.example,
    });
    Media { schema, example }
}

/// The events as the API's document has them.
pub(crate) fn described() -> Value {
    let header = |name: &str, says: &str| json!({ "name": name, "in": "header", "required": true, "description": says, "schema": { "type": "string" } });
    let headers = [
        header("webhook-id", "The event's `id`."),
        header("webhook-timestamp", "When this attempt was made, in Unix seconds."),
        header(
            "webhook-signature",
            "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, as Standard Webhooks has it; one for each live secret, with a space between.",
        ),
    ];
    let described = EventType::ALL.iter().map(|event| {
        let Media { schema, example } = body_of(*event);
        let post = json!({
            "summary": event.says(),
            "description": format!("Takes the scope `{}`. Any 2xx within 15 s is success.", event.scope()),
            "tags": ["Webhooks"],
            "security": [],
            "parameters": headers,
            "requestBody": {
                "required": true,
                "content": { "application/json": { "schema": schema, "example": example } },
            },
            "responses": { "2XX": { "description": "Taken." } },
        });
        (event.name().to_owned(), json!({ "post": post }))
    });
    Value::Object(described.collect())
}
