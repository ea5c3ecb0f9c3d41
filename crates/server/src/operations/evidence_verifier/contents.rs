//! The verification of the stored bytes.

use evidence::{AttachmentStatus, ContentError, EvidenceAttachment, EvidenceContent, StoredContent};
use kernel::{Filter, Reader, StoreError, Stored};

use super::{EvidenceVerifier, MAX_ATTEMPTS, VerificationError, continues, first_page};

/// Maximum number of attachments that a message names.
const MAX_NAMED: usize = 5;

impl EvidenceVerifier {
    /// Verifies the bytes of all contents. `report` is called with the number of objects after each.
    pub(super) async fn verify_contents(&mut self, report: &(dyn Fn(u64) + Sync)) -> Result<(), VerificationError> {
        let (all, mut request) = (Filter::<EvidenceContent>::default(), first_page());
        loop {
            let page = Reader::<EvidenceContent>::list(&*self.store, self.organization, &all, &request).await?;
            for content in &page.items {
                self.verify_content(content).await?;
                report(self.result.objects);
            }
            if !continues(&page, &mut request) {
                return Ok(());
            }
        }
    }

    /// Reads the bytes of a content and compares their size and hash. If the content has no longer this object, because
    /// another process has removed or replaced it, the one that it has now is read.
    pub(super) async fn verify_content(&mut self, content: &Stored<EvidenceContent>) -> Result<(), VerificationError> {
        let mut record = content.record.clone();
        for _ in 0..MAX_ATTEMPTS {
            let Some(object_key) = record.object_key.clone() else { return Ok(()) };
            let sha256 = record.key.as_str();
            let Some(fault) = self.compare_content(&record).await? else { break };
            match self.content(sha256).await? {
                Some(again) if again.record.object_key.as_ref() != Some(&object_key) => record = again.record,
                again => {
                    let names = self.names(sha256).await?;
                    let gone = if again.is_none() { ", and its record was deleted meanwhile" } else { "" };
                    self.differs(object_key, format!("{fault}{gone} ({names})"));
                    break;
                }
            }
        }
        self.result.objects += 1;
        Ok(())
    }

    /// Describes the fault of the bytes of a content, if they have one.
    async fn compare_content(&mut self, content: &EvidenceContent) -> Result<Option<&'static str>, VerificationError> {
        let object = content.object().filter(|object| self.is_own(object, content.key.as_str()));
        let Some(object) = object else {
            return Ok(Some("its name is not that of an object with this SHA-256 in this workspace"));
        };
        match self.read(&object).await {
            Ok(()) => {
                self.result.bytes += object.size;
                Ok(None)
            }
            Err(ContentError::Missing(_)) => Ok(Some("its bytes are missing")),
            Err(ContentError::Altered(_)) => Ok(Some("its bytes were altered: their size or SHA-256 is another one")),
            Err(error) => Err(error.into()),
        }
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
}
