//! The payloads of the events of findings.

use bytes::Bytes;
use findings::{EventRenderer, Finding, FindingChange, FindingChangeKind, Status};
use http_api::endpoints::Media;
use serde::Serialize;
use serde_json::json;
use utoipa::{PartialSchema, ToSchema};

use super::{FindingDto, status_schema};
use crate::{view::View, webhook_payload::Envelope};

/// Renders events as the payloads that are delivered to subscribers.
#[derive(Clone, Copy, Debug, Default)]
pub struct PayloadRenderer;

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

/// Returns the schema and an example of the `data` of most events of findings, made from the type that is serialized.
pub(crate) fn finding_data() -> Media {
    media(&FindingData { finding: Finding::to_dto(&Finding::example()) })
}

/// Returns the schema and an example of the `data` of a change of status.
pub(crate) fn finding_status_change_data() -> Media {
    let previous_status = Status::Triaged.name();
    media(&FindingStatusChangeData { finding: Finding::to_dto(&Finding::example()), previous_status })
}

fn media<D: Serialize + PartialSchema>(example: &D) -> Media {
    Media { schema: json!(D::schema()), example: json!(example) }
}
