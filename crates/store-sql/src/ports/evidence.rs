//! Due work on evidence: claims whose validity has ended, and attachments that nobody linked. The statements have no
//! organization as a condition, since background tasks serve all of them.

use std::sync::LazyLock;

use async_trait::async_trait;
use evidence::{AttachmentStatus, DueEvidence, EvidenceAttachment, EvidenceClaim, EvidenceClaimStatus};
use kernel::{Id, OrganizationId, StoreError, Timestamp};

use super::SqlStore;
use crate::engine::{Sql, Value};

/// The claims with one status whose validity has ended.
pub(crate) static EXPIRED_CLAIMS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id, valid_until FROM evidence_claims WHERE status = ? AND valid_until <= ? \
         ORDER BY valid_until LIMIT ?",
    )
});

/// The attachments with one status that were uploaded before a time: identifiers contain the time of creation.
pub(crate) static UNLINKED_ATTACHMENTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id FROM evidence_attachments WHERE status = ? AND id < ? ORDER BY id LIMIT ?",
    )
});

#[async_trait]
impl DueEvidence for SqlStore {
    async fn expired_claims(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceClaim>)>, StoreError> {
        self.engine
            .read((now, limit), |(now, limit), session| {
                Box::pin(async move {
                    let mut found: Vec<(Timestamp, OrganizationId, Id<EvidenceClaim>)> = Vec::new();
                    for status in EvidenceClaimStatus::UNTIL_EXPIRY {
                        let values = [Value::text(status.name()), (*now).into(), Value::limit(*limit)];
                        let rows = session.fetch(&EXPIRED_CLAIMS, &values, |cells| {
                            let (organization, id) = (cells.id()?, cells.id()?);
                            Ok((cells.time()?, organization, id))
                        });
                        found.extend(rows.await?);
                    }
                    found.sort_unstable();
                    Ok(found.into_iter().take(*limit).map(|(_, organization, id)| (organization, id)).collect())
                })
            })
            .await
    }

    async fn unlinked_attachments(
        &self,
        created_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(OrganizationId, Id<EvidenceAttachment>)>, StoreError> {
        let values =
            [Value::text(AttachmentStatus::Unlinked.name()), created_before.first_ulid().into(), Value::limit(limit)];
        self.engine
            .read(values, |values, session| {
                Box::pin(session.fetch(&UNLINKED_ATTACHMENTS, values, |cells| Ok((cells.id()?, cells.id()?))))
            })
            .await
    }
}
