//! The verification of records: against the audit log, and against each other.

use std::collections::HashSet;

use evidence::{AttachedFile, AttachmentStatus, EvidenceAttachment, EvidenceClaim};
use kernel::{Filter, Id, Meta, Reader, StoreError, Stored, Ulid};
use store::DynStore;

use super::{
    EvidenceVerifier, MAX_ATTEMPTS, VerifiedEvidence, continues, first_page,
    log::{LoggedHistory, LoggedRecord},
};

/// A kind of record that is compared with others.
pub(super) trait ComparedRecord: LoggedRecord {
    /// The number of those that were compared.
    fn count(verified: &mut VerifiedEvidence) -> &mut u64;

    /// Describes what differs between a record and those that it refers to.
    async fn compare(verifier: &EvidenceVerifier, stored: &Stored<Self>) -> Result<Vec<String>, StoreError>;
}

impl EvidenceVerifier {
    /// Verifies all records of a kind. `logged` are those whose creation is in the audit log.
    pub(super) async fn verify_records<R: ComparedRecord>(
        &mut self,
        mut logged: HashSet<Ulid>,
    ) -> Result<(), StoreError>
    where
        DynStore: Reader<R>,
    {
        let (all, mut request) = (Filter::<R>::default(), first_page());
        loop {
            let page = Reader::<R>::list(&*self.store, self.organization, &all, &request).await?;
            for stored in &page.items {
                logged.remove(&stored.meta.ulid());
                self.verify_record(stored).await?;
            }
            if !continues(&page, &mut request) {
                break;
            }
        }
        let mut missing: Vec<Ulid> = logged.into_iter().collect();
        missing.sort_unstable();
        for ulid in missing {
            self.verify_by_id(Id::<R>::new(ulid)).await?;
        }
        Ok(())
    }

    /// Verifies a record that the audit log or another record names, and returns it.
    pub(super) async fn verify_by_id<R: ComparedRecord>(&mut self, id: Id<R>) -> Result<Option<Stored<R>>, StoreError>
    where
        DynStore: Reader<R>,
    {
        let found = Reader::<R>::get(&*self.store, self.organization, id).await?;
        match &found {
            Some(stored) => self.verify_record(stored).await?,
            None => {
                let history = LoggedHistory::read(&*self.store, self.organization, id).await?;
                self.result.entries += history.entries;
                let name = history.fields.text(R::NAME).map(|name| format!(" of {name:?}")).unwrap_or_default();
                let named_by =
                    if history.created_at.is_some() { "the audit log has its creation" } else { "a claim names it" };
                self.differs(id, format!("its record{name} is missing, although {named_by}"));
            }
        }
        Ok(found)
    }

    /// Compares a record with the audit log and with those that it refers to. If it differs and was changed since it was
    /// read, it is compared again.
    pub(super) async fn verify_record<R: ComparedRecord>(&mut self, stored: &Stored<R>) -> Result<(), StoreError>
    where
        DynStore: Reader<R>,
    {
        *R::count(&mut self.result) += 1;
        let id = stored.meta.id;
        let mut revision = stored.meta.revision;
        let (mut entries, mut differences) = self.compare(stored).await?;
        for _ in 1..MAX_ATTEMPTS {
            if differences.is_empty() {
                break;
            }
            let again = Reader::<R>::get(&*self.store, self.organization, id).await?;
            let Some(again) = again.filter(|again| again.meta.revision != revision) else { break };
            revision = again.meta.revision;
            (entries, differences) = self.compare(&again).await?;
        }
        self.result.entries += entries;
        for message in differences {
            self.differs(id, message);
        }
        Ok(())
    }

    /// Returns the number of entries about a record, and what differs.
    async fn compare<R: ComparedRecord>(&self, stored: &Stored<R>) -> Result<(u64, Vec<String>), StoreError> {
        let history = LoggedHistory::read(&*self.store, self.organization, stored.meta.id).await?;
        let mut differences = match history.created_at {
            Some(_) => history.fields.differences(&stored.record),
            None => vec!["the audit log has no entry of its creation".to_owned()],
        };
        differences.extend(differing_times(&stored.meta, &history));
        differences.extend(R::compare(self, stored).await?);
        Ok((history.entries, differences))
    }
}

/// Describes the times of a record that are not those of its entries.
fn differing_times<R: ComparedRecord>(meta: &Meta<R>, history: &LoggedHistory) -> Vec<String> {
    let Meta { created_at, updated_at, .. } = meta;
    let created = history.created_at.filter(|logged| logged != created_at);
    let created = created.map(|logged| format!("it was created at {created_at}, but by the audit log at {logged}"));
    // A record that a server with a wrong clock has changed may be ahead of its entries (ADR 0035).
    let changed = history.changed_at.filter(|logged| logged > updated_at);
    let changed =
        changed.map(|logged| format!("it was changed last at {updated_at}, but by the audit log at {logged}"));
    created.into_iter().chain(changed).collect()
}

impl ComparedRecord for EvidenceAttachment {
    fn count(verified: &mut VerifiedEvidence) -> &mut u64 {
        &mut verified.attachments
    }

    /// Compares an attachment with the record of its bytes, and with its claim.
    async fn compare(verifier: &EvidenceVerifier, stored: &Stored<Self>) -> Result<Vec<String>, StoreError> {
        let Self { size, sha256, claim_id, file_name, status, .. } = &stored.record;
        let mut differences = Vec::new();
        if *status != AttachmentStatus::Removed {
            differences.extend(match verifier.content(sha256.as_str()).await? {
                Some(content) if content.record.object_key.is_none() => {
                    Some(format!("the bytes of {:?} were removed", file_name.as_str()))
                }
                Some(content) if content.record.size != *size => {
                    Some(format!("its size is {size}, and that of its bytes {}", content.record.size))
                }
                Some(_) => None,
                None => Some(format!("the record of the bytes of {:?} is missing", file_name.as_str())),
            });
        }
        if let Some(claim_id) = claim_id {
            let file = AttachedFile::from_attachment(stored);
            let claim = Reader::<EvidenceClaim>::get(&*verifier.store, verifier.organization, *claim_id).await?;
            differences.extend(match claim {
                None => Some(format!("its claim {claim_id} is missing")),
                Some(claim) if !claim.record.attachments.iter().any(|other| other == file) => {
                    Some(format!("the claim {} does not have this file", claim.record.key))
                }
                Some(_) => None,
            });
        }
        Ok(differences)
    }
}

impl ComparedRecord for EvidenceClaim {
    fn count(verified: &mut VerifiedEvidence) -> &mut u64 {
        &mut verified.claims
    }

    /// Compares a claim with its attachments.
    async fn compare(verifier: &EvidenceVerifier, stored: &Stored<Self>) -> Result<Vec<String>, StoreError> {
        let mut differences = Vec::new();
        for file in stored.record.attachments.iter() {
            let id = file.attachment_id();
            let attachment = Reader::<EvidenceAttachment>::get(&*verifier.store, verifier.organization, id).await?;
            differences.extend(match attachment {
                None => Some(format!("the record of its attachment {id} {:?} is missing", file.file_name.as_str())),
                Some(attachment) if attachment.record.claim_id != Some(stored.meta.id) => {
                    Some(format!("its attachment {id} is not linked to it"))
                }
                Some(attachment) if AttachedFile::from_attachment(&attachment) != file => {
                    Some(format!("its attachment {id} is another file than the claim says"))
                }
                Some(_) => None,
            });
        }
        Ok(differences)
    }
}
