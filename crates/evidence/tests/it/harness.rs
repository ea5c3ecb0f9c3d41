//! Requirements, claims and attachments in any state.

use auth::AccountId;
use bytes::Bytes;
use evidence::{
    AttachmentStatus, ClaimChange, ClaimFiles, ClaimSource, ContentHash, ContentKey, EventRenderer, EvidenceAttachment,
    EvidenceClaim, EvidenceClaimStatus, EvidenceError, EvidenceRequirement, EvidenceRequirementStatus, NewAttachment,
    NewClaim, StoredContent, create_claim,
};
use kernel::{Changeset, Id, Record as _, RecordKey, Resource, Stored, Timestamp, Title, Ulid};
use write_harness::{NOW, WriteHarness};

/// A minute before [`NOW`]: the time at which records were created.
pub(crate) const BEFORE: Timestamp = Timestamp::from_millis(NOW.millis() - 60_000);

/// Renders an event as the status of the claim after it.
pub(crate) struct StatusRenderer;

impl EventRenderer for StatusRenderer {
    fn render(&self, change: &ClaimChange<'_>) -> Bytes {
        assert_eq!(&*change.organization.slug, "acme");
        assert_eq!(change.created_at, change.claim.meta.updated_at);
        change.claim.record.status.name().into()
    }
}

pub(crate) fn stored<R: Resource>(harness: &WriteHarness, record: R) -> Stored<R> {
    let context = harness.context();
    Stored::new(context.organization.id, Id::new(context.entropy.ulid(BEFORE)), BEFORE, record)
}

pub(crate) fn claim(harness: &WriteHarness, status: EvidenceClaimStatus) -> Stored<EvidenceClaim> {
    let record =
        EvidenceClaim { status, valid_until: None, reviewed_at: None, review_note: None, ..EvidenceClaim::example() };
    stored(harness, record)
}

pub(crate) fn requirement(harness: &WriteHarness, status: EvidenceRequirementStatus) -> Stored<EvidenceRequirement> {
    stored(harness, EvidenceRequirement { status, ..EvidenceRequirement::example() })
}

pub(crate) fn account(number: u128) -> AccountId {
    Id::new(Ulid(number))
}

pub(crate) fn attachment(harness: &WriteHarness, status: AttachmentStatus) -> Stored<EvidenceAttachment> {
    let record =
        EvidenceAttachment { status, uploaded_by: Some(account(1)), claim_id: None, ..EvidenceAttachment::example() };
    stored(harness, record)
}

/// A file whose bytes have the hash of this byte, and are stored under this generation.
pub(crate) fn file(harness: &WriteHarness, hash: u8, generation: u128) -> NewAttachment {
    let key = ContentKey {
        organization: harness.organization.id,
        hash: ContentHash([hash; 32]),
        generation: Ulid(generation),
    };
    let example = EvidenceAttachment::example();
    NewAttachment {
        file_name: example.file_name,
        content_type: example.content_type,
        content: StoredContent { key, size: 7 },
    }
}

pub(crate) fn new_claim() -> NewClaim {
    NewClaim {
        key: RecordKey::parse("claim-1").unwrap(),
        title: Title::parse("Restore test").unwrap(),
        description: None,
        valid_from: None,
        valid_until: None,
        source_kind: ClaimSource::Integration,
        source_reference: None,
    }
}

/// Creates a claim as account 1, for a requirement that is active.
pub(crate) fn create(
    harness: &WriteHarness,
    new: NewClaim,
    files: &ClaimFiles,
) -> Result<(Changeset, Stored<EvidenceClaim>), EvidenceError> {
    let requirement = requirement(harness, EvidenceRequirementStatus::Active);
    create_claim(
        &harness.context(),
        &StatusRenderer,
        harness.write_timestamp(),
        Some(account(1)),
        &requirement,
        new,
        files,
    )
}

/// The time this many seconds after [`NOW`].
pub(crate) fn time(second: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + second * 1_000)
}

pub(crate) fn no_files() -> ClaimFiles {
    ClaimFiles::Uploaded(Vec::new())
}
