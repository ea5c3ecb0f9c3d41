//! The payloads of the events of findings.

use bytes::Bytes;
use findings::{EventRenderer, Finding, FindingChange, FindingChangeKind, Status};
use http_api::endpoints::Media;
use serde::Serialize;
use serde_json::json;

use crate::{
    record_view::RecordDto,
    view::View,
    webhook_payload::{Envelope, PayloadRenderer},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingData<'a> {
    finding: RecordDto<'a, Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_status: Option<&'static str>,
}

impl EventRenderer for PayloadRenderer {
    fn render(&self, change: &FindingChange<'_>) -> Bytes {
        let envelope = Envelope {
            id: change.id,
            event_type: change.kind.name(),
            created_at: change.created_at,
            organization: change.organization,
        };
        let previous_status = match change.kind {
            FindingChangeKind::StatusChanged { previous } => Some(previous.name()),
            FindingChangeKind::Created | FindingChangeKind::Updated | FindingChangeKind::Closed => None,
        };
        envelope.render(&FindingData { finding: Finding::to_dto(change.finding), previous_status })
    }
}

/// Returns the schema and an example of the `data` of most events of findings.
pub(crate) fn finding_data() -> Media {
    media(None)
}

/// Returns the schema and an example of the `data` of a change of status.
pub(crate) fn finding_status_change_data() -> Media {
    media(Some(Status::Triaged.name()))
}

fn media(previous_status: Option<&'static str>) -> Media {
    let mut schema = json!({
        "type": "object",
        "required": [Finding::SINGULAR],
        "properties": { Finding::SINGULAR: Finding::schema() },
    });
    if previous_status.is_some() {
        let names: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
        schema["required"] = json!([Finding::SINGULAR, "previousStatus"]);
        schema["properties"]["previousStatus"] = json!({ "type": "string", "enum": names });
    }
    let stored = Finding::example();
    Media { schema, example: json!(FindingData { finding: Finding::to_dto(&stored), previous_status }) }
}
