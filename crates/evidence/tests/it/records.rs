use evidence::{
    AttachmentStatus, ClaimSource, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus, EvidenceContent,
    EvidenceRequirement, EvidenceRequirementStatus,
};
use kernel::{Filter, Record as _, Resource as _, Scalar as _};

#[test]
fn absent_statuses_have_a_default() {
    assert_eq!(EvidenceRequirementStatus::default_value(), Some(EvidenceRequirementStatus::Draft));
    assert_eq!(EvidenceClaimStatus::default_value(), Some(EvidenceClaimStatus::Pending));
    assert_eq!(ClaimSource::default_value(), Some(ClaimSource::Manual));
    assert_eq!(AttachmentStatus::default_value(), Some(AttachmentStatus::Unlinked));
}

#[test]
fn requirements_claims_and_contents_are_unique_by_their_keys() {
    assert_eq!(EvidenceRequirement::example().unique_key(), Some("backup-restore-test"));
    assert_eq!(EvidenceClaim::example().unique_key(), Some("backup-restore-test-2026-05"));
    assert_eq!(EvidenceContent::example().unique_key(), Some(EvidenceAttachment::example().sha256.as_str()));
    assert_eq!(EvidenceAttachment::example().unique_key(), None);
}

#[test]
fn lists_have_the_filters_of_the_contract() {
    fn labels<R: kernel::Record>() -> Vec<&'static str> {
        Filter::<R>::columns().map(|(_, _, filter)| filter.label).collect()
    }
    assert_eq!(labels::<EvidenceRequirement>(), ["requirement_key", "status"]);
    assert_eq!(labels::<EvidenceClaim>(), ["evidence_requirement_id", "claim_key", "status"]);
}

#[test]
fn imports_keep_the_review_and_the_attachments_of_a_claim() {
    let kept = EvidenceClaim::COLUMNS.iter().filter(|column| column.is_create_only || column.is_derived);
    let names: Vec<_> = kept.map(|column| column.name).collect();
    assert_eq!(names, ["status", "attachments", "reviewed_at", "review_note"]);
}
