//! The payloads of the events of evidence claims.

use bytes::Bytes;
use evidence::{ClaimChange, EventRenderer, EvidenceClaim, EvidenceClaimStatus};
use http_api::endpoints::Media;
use serde::Serialize;
use serde_json::json;
use webhooks::EventType;

use crate::{
    record_view::RecordDto,
    view::View,
    webhook_payload::{Envelope, PayloadRenderer},
};

#[derive(Serialize)]
struct ClaimData<'a> {
    claim: RecordDto<'a, EvidenceClaim>,
}

impl EventRenderer for PayloadRenderer {
    fn render(&self, change: &ClaimChange<'_>) -> Bytes {
        let envelope = Envelope {
            id: change.id,
            event_type: change.kind.name(),
            created_at: change.created_at,
            organization: change.organization,
        };
        envelope.render(&ClaimData { claim: EvidenceClaim::to_dto(change.claim) })
    }
}

/// Returns the schema and an example of the `data` of an event about a claim.
pub(crate) fn claim_data(event: EventType) -> Media {
    let mut claim = EvidenceClaim::example();
    claim.record.status = match event {
        EventType::EvidenceClaimApproved => EvidenceClaimStatus::Approved,
        EventType::EvidenceClaimRejected => EvidenceClaimStatus::Rejected,
        _ => EvidenceClaimStatus::Pending,
    };
    if claim.record.status == EvidenceClaimStatus::Pending {
        (claim.record.reviewed_at, claim.record.review_note) = (None, None);
    }
    Media {
        schema: json!({
            "type": "object",
            "required": [EvidenceClaim::SINGULAR],
            "properties": { EvidenceClaim::SINGULAR: EvidenceClaim::schema() },
        }),
        example: json!(ClaimData { claim: EvidenceClaim::to_dto(&claim) }),
    }
}
