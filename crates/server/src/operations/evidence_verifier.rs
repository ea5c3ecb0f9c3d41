//! The verification of evidence: of the claims and attachments that the audit log and the database name, and of the
//! stored bytes.
//!
//! The audit log is what the records are compared with, because it can't be changed unnoticed. Every claim and every
//! attachment whose creation it has must have its record, with the values that its entries end with; every record must
//! have its entries, none of which is ever removed from the log of an organization. Servers may change records meanwhile:
//! a record that differs is read again before it counts.

mod contents;
mod log;
mod logged_fields;
mod records;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use evidence::{ContentError, ContentStore, EvidenceAttachment, EvidenceClaim, EvidenceContent};
use kernel::{Id, OrganizationId, Page, PageLimit, PageRequest, Reader, StoreError, Stored};
use store::DynStore;

use crate::compose::Installation;
use log::{LoggedHistory, LoggedRecords};

/// Number of records read at a time.
const PAGE_SIZE: u64 = 200;

/// Maximum number of differences that are described. The others are only counted.
const MAX_DESCRIBED: usize = 1000;

/// Maximum number of times that a record which other processes keep changing is compared.
const MAX_ATTEMPTS: u32 = 10;

/// A difference between the bytes of attachments, the records of evidence and the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The claim, the attachment or the object that differs.
    pub(crate) about: String,
    /// The difference.
    pub(crate) message: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.message)
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VerifiedEvidence {
    /// Claims whose records were compared.
    pub(crate) claims: u64,
    /// Attachments whose records were compared.
    pub(crate) attachments: u64,
    /// Entries of the audit log that claims and attachments were compared with.
    pub(crate) entries: u64,
    /// Objects whose bytes were read.
    pub(crate) objects: u64,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// Number of differences.
    pub(crate) differing: u64,
    /// The first differences.
    pub(crate) differences: Vec<Difference>,
}

/// Verifies the evidence of one organization.
pub(crate) struct EvidenceVerifier {
    store: Arc<DynStore>,
    contents: Arc<dyn ContentStore>,
    organization: OrganizationId,
    result: VerifiedEvidence,
}

/// The failure of the verification itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerificationError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store of attachments can't be used.
    #[error(transparent)]
    Contents(#[from] ContentError),
}

impl EvidenceVerifier {
    pub(crate) fn new(installation: &Installation, organization: OrganizationId) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            contents: Arc::clone(&installation.attachments.contents),
            organization,
            result: VerifiedEvidence::default(),
        }
    }

    /// Verifies everything. `report` is called with the number of objects after each.
    ///
    /// # Errors
    /// [`VerificationError`] if a store can't be used.
    pub(crate) async fn verify_all(
        mut self,
        report: &(dyn Fn(u64) + Sync),
    ) -> Result<VerifiedEvidence, VerificationError> {
        // Before the records: each that the log has now is among those read after it, unless someone has deleted it.
        let LoggedRecords { attachments, claims } = LoggedRecords::read(&*self.store, self.organization).await?;
        self.verify_contents(report).await?;
        self.verify_records::<EvidenceAttachment>(attachments).await?;
        self.verify_records::<EvidenceClaim>(claims).await?;
        Ok(self.result)
    }

    /// Verifies one claim and its attachments, those that it has and those that it had by the audit log.
    ///
    /// # Errors
    /// [`VerificationError`] if a store can't be used.
    pub(crate) async fn verify_claim(
        mut self,
        id: Id<EvidenceClaim>,
        report: &(dyn Fn(u64) + Sync),
    ) -> Result<VerifiedEvidence, VerificationError> {
        let claim = self.verify_by_id(id).await?;
        let mut attached = LoggedHistory::read(&*self.store, self.organization, id).await?.attached();
        attached.extend(claim.iter().flat_map(|claim| claim.record.attachments.iter().map(|file| file.id.ulid())));
        for ulid in attached {
            let attachment = self.verify_by_id(Id::<EvidenceAttachment>::new(ulid)).await?;
            let Some(attachment) = attachment else { continue };
            if let Some(content) = self.content(attachment.record.sha256.as_str()).await? {
                self.verify_content(&content).await?;
                report(self.result.objects);
            }
        }
        Ok(self.result)
    }

    /// Whether the audit log has the creation of the claim, whether or not the database has the claim.
    ///
    /// # Errors
    /// [`StoreError`] if the database can't be used.
    pub(crate) async fn is_logged(&self, id: Id<EvidenceClaim>) -> Result<bool, StoreError> {
        Ok(LoggedHistory::read(&*self.store, self.organization, id).await?.created_at.is_some())
    }

    async fn content(&self, sha256: &str) -> Result<Option<Stored<EvidenceContent>>, StoreError> {
        let found = Reader::<EvidenceContent>::get_by_keys(&*self.store, self.organization, &[sha256]).await?;
        Ok(found.into_iter().next())
    }

    fn differs(&mut self, about: impl fmt::Display, message: impl Into<String>) {
        self.result.differing += 1;
        if self.result.differences.len() < MAX_DESCRIBED {
            self.result.differences.push(Difference { about: about.to_string(), message: message.into() });
        }
    }
}

fn first_page() -> PageRequest {
    PageRequest { limit: PageLimit::clamped(PAGE_SIZE), ..PageRequest::default() }
}

/// Moves the request to the next page; returns `false` if there is none.
fn continues<T>(page: &Page<T>, request: &mut PageRequest) -> bool {
    request.after = page.next;
    page.next.is_some()
}
