//! The payloads of the events of submission packages.

use bytes::Bytes;
use http_api::endpoints::Media;
use serde::Serialize;
use serde_json::json;
use submissions::{
    EventRenderer, PackageChange, PackageChangeKind, SubmissionEvent, SubmissionPackage, SubmissionPackageStatus,
};

use crate::{
    record_view::RecordDto,
    view::View,
    webhook_payload::{Envelope, PayloadRenderer},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageData<'a> {
    submission_package: RecordDto<'a, SubmissionPackage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_event: Option<RecordDto<'a, SubmissionEvent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_status: Option<&'static str>,
}

impl EventRenderer for PayloadRenderer {
    fn render(&self, change: &PackageChange<'_>) -> Bytes {
        let envelope = Envelope {
            id: change.id,
            event_type: change.kind.name(),
            created_at: change.created_at,
            organization: change.organization,
        };
        let (submission_event, previous_status) = match change.kind {
            PackageChangeKind::EventRecorded { event } => (Some(SubmissionEvent::to_dto(event)), None),
            PackageChangeKind::StatusChanged { previous } => (None, Some(previous.name())),
        };
        let submission_package = SubmissionPackage::to_dto(change.package);
        envelope.render(&PackageData { submission_package, submission_event, previous_status })
    }
}

/// Returns the schema and an example of the `data` of a recorded event.
pub(crate) fn event_recorded_data() -> Media {
    let event = SubmissionEvent::example();
    Media {
        schema: json!({
            "type": "object",
            "required": [SubmissionPackage::SINGULAR, SubmissionEvent::SINGULAR],
            "properties": {
                SubmissionPackage::SINGULAR: SubmissionPackage::schema(),
                SubmissionEvent::SINGULAR: SubmissionEvent::schema(),
            },
        }),
        example: json!(PackageData {
            submission_package: SubmissionPackage::to_dto(&SubmissionPackage::example()),
            submission_event: Some(SubmissionEvent::to_dto(&event)),
            previous_status: None,
        }),
    }
}

/// Returns the schema and an example of the `data` of a change of status.
pub(crate) fn status_changed_data() -> Media {
    let names: Vec<&str> = SubmissionPackageStatus::ALL.iter().map(|status| status.name()).collect();
    Media {
        schema: json!({
            "type": "object",
            "required": [SubmissionPackage::SINGULAR, "previousStatus"],
            "properties": {
                SubmissionPackage::SINGULAR: SubmissionPackage::schema(),
                "previousStatus": { "type": "string", "enum": names },
            },
        }),
        example: json!(PackageData {
            submission_package: SubmissionPackage::to_dto(&SubmissionPackage::example()),
            submission_event: None,
            previous_status: Some(SubmissionPackageStatus::Submitted.name()),
        }),
    }
}
