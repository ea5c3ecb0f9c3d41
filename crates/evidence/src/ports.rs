//! The ports of evidence that stores implement beside reading and writing records.

use async_trait::async_trait;
use kernel::{Id, OrganizationId, StoreError, Timestamp};

use crate::{attachment::EvidenceAttachment, claim::EvidenceClaim};

/// Finds due work across organizations, for background tasks, which serve them all.
#[async_trait]
pub trait DueEvidence: Send + Sync {
    /// Returns claims that are pending or approved although their validity ended at `now` or before, those first whose
    /// validity ended first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn expired_claims(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceClaim>)>, StoreError>;

    /// Returns attachments that are not linked to a claim and were uploaded before this time, the oldest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn unlinked_attachments(
        &self,
        created_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceAttachment>)>, StoreError>;
}
