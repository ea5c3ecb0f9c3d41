//! The payload of the event of a completed assessment.

use bytes::Bytes;
use http_api::endpoints::Media;
use registers::{Assessment, AssessmentCompletion, AssessmentStatus, CompletionRenderer};
use serde::Serialize;
use serde_json::json;

use crate::{
    record_view::RecordDto,
    view::{View, example_timestamp},
    webhook_payload::{Envelope, PayloadRenderer},
};

#[derive(Serialize)]
struct AssessmentData<'a> {
    assessment: RecordDto<'a, Assessment>,
}

impl CompletionRenderer for PayloadRenderer {
    fn render(&self, completion: &AssessmentCompletion<'_>) -> Bytes {
        let envelope = Envelope {
            id: completion.id,
            event_type: AssessmentCompletion::NAME,
            created_at: completion.created_at,
            organization: completion.organization,
        };
        envelope.render(&AssessmentData { assessment: Assessment::to_dto(completion.assessment) })
    }
}

/// Returns the schema and an example of the `data` of a completion.
pub(crate) fn assessment_data() -> Media {
    let mut completed = Assessment::example();
    completed.record.status = AssessmentStatus::Completed;
    completed.record.completed_at = Some(example_timestamp());
    Media {
        schema: json!({
            "type": "object",
            "required": [Assessment::SINGULAR],
            "properties": { Assessment::SINGULAR: Assessment::schema() },
        }),
        example: json!(AssessmentData { assessment: Assessment::to_dto(&completed) }),
    }
}
