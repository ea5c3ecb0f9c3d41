//! The verification of the bytes of attachments: against their records, the claims that they are linked to, and the audit
//! entries of their uploads.

use std::{fmt, sync::Arc};

use audit::AuditFilter;
use evidence::{
    AttachmentStatus, ContentError, ContentStore, EvidenceAttachment, EvidenceClaim, EvidenceContent, StoredContent,
};
use kernel::{FieldValue, Filter, Id, OrganizationId, Page, PageLimit, PageRequest, Reader, StoreError, Stored};
use store::DynStore;

use crate::compose::Installation;

/// The action of the audit entry of an upload.
const CREATED: &str = "evidence_attachment.created";

/// Number of records read at a time.
const PAGE_SIZE: u64 = 200;

/// Maximum number of attachments that a message names.
const MAX_NAMED: usize = 5;

/// A difference between the bytes of attachments, their records and the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The attachment or the object that differs.
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
pub(crate) struct VerifiedAttachments {
    /// Attachments whose records were compared.
    pub(crate) attachments: u64,
    /// Objects whose bytes were read.
    pub(crate) objects: u64,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    pub(crate) differences: Vec<Difference>,
}

/// Verifies the attachments of one organization.
pub(crate) struct AttachmentVerifier {
    store: Arc<DynStore>,
    contents: Arc<dyn ContentStore>,
    organization: OrganizationId,
    result: VerifiedAttachments,
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

impl AttachmentVerifier {
    pub(crate) fn new(installation: &Installation, organization: OrganizationId) -> Self {
        Self {
            store: Arc::clone(&installation.store),
            contents: Arc::clone(&installation.attachments.contents),
            organization,
            result: VerifiedAttachments::default(),
        }
    }

    /// Verifies all attachments. `report` is called with the number of objects after each.
    ///
    /// # Errors
    /// [`VerificationError`] if a store can't be used.
    pub(crate) async fn verify_all(
        mut self,
        report: &(dyn Fn(u64) + Sync),
    ) -> Result<VerifiedAttachments, VerificationError> {
        let (all, mut request) = (Filter::<EvidenceContent>::default(), first_page());
        loop {
            let page = Reader::<EvidenceContent>::list(&*self.store, self.organization, &all, &request).await?;
            for content in &page.items {
                self.verify_content(content).await?;
                report(self.result.objects);
            }
            if !continues(&page, &mut request) {
                break;
            }
        }
        let present = Filter::<EvidenceAttachment>::default()
            .with("status", [AttachmentStatus::Unlinked, AttachmentStatus::Linked]);
        let mut request = first_page();
        loop {
            let page = Reader::<EvidenceAttachment>::list(&*self.store, self.organization, &present, &request).await?;
            for attachment in &page.items {
                self.verify_attachment(attachment).await?;
            }
            if !continues(&page, &mut request) {
                return Ok(self.result);
            }
        }
    }

    /// Verifies the attachments of one claim.
    ///
    /// # Errors
    /// [`VerificationError`] if a store can't be used.
    pub(crate) async fn verify_claim(
        mut self,
        claim: &Stored<EvidenceClaim>,
        report: &(dyn Fn(u64) + Sync),
    ) -> Result<VerifiedAttachments, VerificationError> {
        for file in claim.record.attachments.iter() {
            let id = Id::<EvidenceAttachment>::new(file.id.ulid());
            let Some(attachment) = Reader::<EvidenceAttachment>::get(&*self.store, self.organization, id).await? else {
                self.differs(id, format!("the claim {} has it, but its record is missing", claim.record.key));
                continue;
            };
            if let Some(content) = self.content(&attachment).await? {
                self.verify_content(&content).await?;
                report(self.result.objects);
            }
            self.verify_attachment(&attachment).await?;
        }
        Ok(self.result)
    }

    /// Reads the bytes of a content and compares their size and hash.
    async fn verify_content(&mut self, content: &Stored<EvidenceContent>) -> Result<(), VerificationError> {
        let EvidenceContent { key: sha256, object_key, .. } = &content.record;
        let Some(object_key) = object_key else { return Ok(()) };
        let object = content.record.object();
        let Some(object) = object.filter(|object| self.is_own(object, sha256.as_str())) else {
            self.differs(object_key, "its name is not that of an object with this SHA-256 in this workspace");
            return Ok(());
        };
        match self.read(&object).await {
            Ok(()) => self.result.bytes += object.size,
            Err(error @ (ContentError::Missing(_) | ContentError::Altered(_))) => {
                let names = self.names(sha256.as_str()).await?;
                let state = match error {
                    ContentError::Missing(_) => "its bytes are missing",
                    _ => "its bytes were altered: their size or SHA-256 is another one",
                };
                self.differs(object_key, format!("{state} ({names})"));
            }
            Err(error) => return Err(error.into()),
        }
        self.result.objects += 1;
        Ok(())
    }

    async fn read(&self, object: &StoredContent) -> Result<(), ContentError> {
        let mut reader = self.contents.read(object, 0..object.size).await?;
        while reader.next().await?.is_some() {}
        Ok(())
    }

    fn is_own(&self, object: &StoredContent, sha256: &str) -> bool {
        object.key.organization == self.organization && object.key.hash.to_string() == sha256
    }

    /// Describes the attachments with these bytes.
    async fn names(&self, sha256: &str) -> Result<String, StoreError> {
        let with_hash = |sha256: &str| evidence::Sha256::parse(sha256).ok();
        let filter = Filter::<EvidenceAttachment>::default().with("sha256", with_hash(sha256));
        let page = Reader::<EvidenceAttachment>::list(&*self.store, self.organization, &filter, &first_page()).await?;
        let names: Vec<String> = page
            .items
            .iter()
            .filter(|attachment| attachment.record.status != AttachmentStatus::Removed)
            .map(|attachment| format!("{} {:?}", attachment.meta.id, attachment.record.file_name.as_str()))
            .collect();
        let more = names.len().saturating_sub(MAX_NAMED);
        let mut text = names.into_iter().take(MAX_NAMED).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        Ok(if text.is_empty() { "no attachment".to_owned() } else { text })
    }

    /// Compares the record of an attachment with that of its bytes, its claim, and the audit entry of its upload.
    async fn verify_attachment(&mut self, attachment: &Stored<EvidenceAttachment>) -> Result<(), VerificationError> {
        self.result.attachments += 1;
        let EvidenceAttachment { size, sha256, claim_id, file_name, .. } = &attachment.record;
        let id = attachment.meta.id;
        match self.content(attachment).await? {
            Some(content) if content.record.object_key.is_none() => {
                self.differs(id, format!("the bytes of {:?} were removed", file_name.as_str()));
            }
            Some(content) if content.record.size != *size => {
                self.differs(id, format!("its size is {size}, and that of its bytes {}", content.record.size));
            }
            Some(_) => {}
            None => self.differs(id, format!("the record of the bytes of {:?} is missing", file_name.as_str())),
        }
        if let Some(claim_id) = claim_id {
            match Reader::<EvidenceClaim>::get(&*self.store, self.organization, *claim_id).await? {
                None => self.differs(id, format!("its claim {claim_id} is missing")),
                Some(claim) => {
                    let is_same = |file: evidence::AttachedFile| {
                        file.id.ulid() == id.ulid() && file.sha256 == *sha256 && file.size == *size
                    };
                    if !claim.record.attachments.iter().any(is_same) {
                        self.differs(id, format!("the claim {} names another file", claim.record.key));
                    }
                }
            }
        }
        match self.uploaded(id).await? {
            None => self.differs(id, "the audit log has no entry of its upload"),
            Some(recorded) if recorded != sha256.as_str() => {
                self.differs(id, format!("its SHA-256 is {sha256}, but by the audit log {recorded} was uploaded"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    async fn content(
        &self,
        attachment: &Stored<EvidenceAttachment>,
    ) -> Result<Option<Stored<EvidenceContent>>, StoreError> {
        let keys = [attachment.record.sha256.as_str()];
        let found = Reader::<EvidenceContent>::get_by_keys(&*self.store, self.organization, &keys).await?;
        Ok(found.into_iter().next())
    }

    /// Returns the SHA-256 in the audit entry of an upload.
    async fn uploaded(&self, id: Id<EvidenceAttachment>) -> Result<Option<String>, StoreError> {
        let filter = AuditFilter {
            actions: [CREATED.to_owned()].into(),
            subjects: [id.to_string()].into(),
            ..AuditFilter::default()
        };
        let mut request = first_page();
        loop {
            let page = self.store.entries(self.organization, &filter, &request).await?;
            let changes = page.items.iter().flat_map(|stored| &stored.entry.changes);
            let mut hashes = changes.filter(|change| change.field == "sha256").map(|change| &change.after);
            if let Some(FieldValue::Text(hash)) = hashes.next() {
                return Ok(Some(hash.clone()));
            }
            if !continues(&page, &mut request) {
                return Ok(None);
            }
        }
    }

    fn differs(&mut self, about: impl fmt::Display, message: impl Into<String>) {
        self.result.differences.push(Difference { about: about.to_string(), message: message.into() });
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
