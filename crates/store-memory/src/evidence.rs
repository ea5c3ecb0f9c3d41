//! Due work on evidence: claims whose validity has ended, and attachments that nobody linked.

use async_trait::async_trait;
use evidence::{AttachmentStatus, DueEvidence, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus};
use kernel::{Id, Kind, OrganizationId, StoreError, Stored, Timestamp};

use crate::{MemoryStore, state::Row};

#[async_trait]
impl DueEvidence for MemoryStore {
    async fn expired_claims(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceClaim>)>, StoreError> {
        let state = self.snapshot()?;
        let claims = state.rows_of_all_organizations(Kind::EvidenceClaim).filter_map(Row::read::<EvidenceClaim>);
        let mut found: Vec<_> = claims
            .filter(|claim| EvidenceClaimStatus::UNTIL_EXPIRY.contains(&claim.record.status))
            .filter_map(|claim| Some((claim.record.valid_until?, claim.meta.organization, claim.meta.id)))
            .filter(|(valid_until, ..)| *valid_until <= now)
            .collect();
        found.sort_unstable();
        Ok(found.into_iter().take(limit).map(|(_, organization, id)| (organization, id)).collect())
    }

    async fn unlinked_attachments(
        &self,
        created_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceAttachment>)>, StoreError> {
        let state = self.snapshot()?;
        let is_stale = |attachment: &Stored<EvidenceAttachment>| {
            attachment.record.status == AttachmentStatus::Unlinked && attachment.meta.created_at < created_before
        };
        let rows = state.rows_of_all_organizations(Kind::EvidenceAttachment);
        let mut found: Vec<_> = rows
            .filter_map(Row::read::<EvidenceAttachment>)
            .filter(is_stale)
            .map(|attachment| (attachment.meta.organization, attachment.meta.id))
            .collect();
        found.sort_unstable_by_key(|(_, id)| *id);
        found.truncate(limit);
        Ok(found)
    }
}
