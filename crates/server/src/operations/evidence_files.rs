//! The files of evidence, which reviewers download.

use std::io::Write;

use evidence::{AttachedFile, AttachmentStatus, EvidenceAttachment, EvidenceContent, StoredContent};
use kernel::{Action, Id, Kind, Organization, OrganizationId, OrganizationRef, Reader, Stored, Subject};
use store::DynStore;

use super::{evidence_claims::find_claim, operator::Operator};
use crate::{
    compose::Installation,
    failure::{Failure, ResultExt as _},
};

/// A file, with the object that has its bytes.
#[derive(Debug)]
pub(crate) struct EvidenceFile {
    pub(crate) file: AttachedFile,
    object: StoredContent,
}

/// Returns the attachment with this identifier, or the attachments of the claim with this identifier or key.
///
/// # Errors
/// If there is no such attachment or claim, the attachment was removed, the claim has no attachments, or the store fails.
pub(crate) async fn find_files(
    installation: &Installation,
    organization: OrganizationId,
    name: &str,
) -> Result<Vec<EvidenceFile>, Failure> {
    let store = &*installation.store;
    let files = match name.parse() {
        Ok(id) => vec![find_attachment(store, organization, id).await?],
        Err(_) => {
            let claim = find_claim(store, organization, name).await?;
            claim.record.attachments.iter().collect()
        }
    };
    if files.is_empty() {
        return Err(Failure::new(format!("the claim {name} has no attachments")));
    }
    let hashes: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
    let contents = Reader::<EvidenceContent>::get_by_keys(store, organization, &hashes).await?;
    let with_object = |file: AttachedFile| {
        let content = contents.iter().find(|content| content.record.key == file.sha256);
        let object = content.and_then(|content| content.record.object()).filter(|object| {
            object.key.organization == organization
                && object.key.hash.to_string() == file.sha256.as_str()
                && i64::try_from(object.size) == Ok(file.size)
        });
        object.map(|object| EvidenceFile { file: file.clone(), object }).ok_or_else(|| {
            Failure::new(format!(
                "the database does not name the bytes of the attachment {}: run `novantra evidence verify`",
                file.id
            ))
        })
    };
    files.into_iter().map(with_object).collect()
}

async fn find_attachment(
    store: &DynStore,
    organization: OrganizationId,
    id: Id<EvidenceAttachment>,
) -> Result<AttachedFile, Failure> {
    match Reader::<EvidenceAttachment>::get(store, organization, id).await? {
        None => Err(Failure::new(format!(
            "there is no attachment {id} in this workspace; `novantra evidence show` lists those of a claim"
        ))),
        Some(attachment) if attachment.record.status == AttachmentStatus::Removed => {
            Err(Failure::new(format!("the attachment {id} was removed, because no claim was made with it within 24 h")))
        }
        Some(attachment) => Ok(AttachedFile::from_attachment(&attachment)),
    }
}

impl EvidenceFile {
    /// Writes the bytes, whose hash is verified on the way.
    ///
    /// # Errors
    /// If the bytes are missing or were altered, or can't be read or written. What was written must not be used then.
    pub(crate) async fn write_to(&self, installation: &Installation, out: &mut impl Write) -> Result<(), Failure> {
        let doing = || format!("can't download the attachment {}", self.file.id);
        let contents = &installation.attachments.contents;
        let mut reader = contents.read(&self.object, 0..self.object.size).await.context(doing)?;
        while let Some(bytes) = reader.next().await.context(doing)? {
            out.write_all(&bytes).context(doing)?;
        }
        Ok(())
    }
}

/// Records downloads in the audit log, as a part of the custody of the files.
///
/// # Errors
/// If the store fails.
pub(crate) async fn record_downloads(
    operator: &Operator,
    workspace: &Stored<Organization>,
    files: &[EvidenceFile],
) -> Result<(), Failure> {
    let organization = OrganizationRef::from(workspace);
    let action = || Action::on_record(Kind::EvidenceAttachment, "downloaded");
    let subjects: Vec<Subject> = files.iter().map(|file| Subject::from_id(file.file.attachment_id())).collect();
    let Some((first, others)) = subjects.split_first() else { return Ok(()) };
    operator
        .write(async || {
            let mut changeset = operator.changeset(&organization, action(), Some(first.clone()));
            for subject in others {
                changeset.add_entry(&*operator.installation.entropy, action(), Some(subject.clone()), Vec::new());
            }
            Ok((changeset, ()))
        })
        .await
}
